"""Keys that are equal in the database and not in Python.

A column may compare regardless of case or accents (NOCASE, citext, a collation of the site's):
"ABC" in a foreign key then refers to "abc". The walk matches rows with their objects in Python;
where it finds no match, the database says which row is meant.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from moderation.errors import NotPlannable

# An annotation's name, which no column of a site has.
MEANT = "moderation_referenced_value"


def referenced_values(
    model: type[Model],
    column: str,
    values: Collection[Any],
    *,
    target: type[Model],
    target_column: str,
    using: str,
) -> dict[Any, Any]:
    """Return, for values of a referring column, the values of the rows that they refer to.

    One query. Raises NotPlannable for a value that refers to no row.
    """
    meant: QuerySet[Any] = QuerySet(target).using(using)
    meant = meant.filter(**{target_column: OuterRef(column)}).values(target_column)
    rows: QuerySet[Any] = QuerySet(model).using(using)
    rows = rows.filter(**{f"{column}__any_of": set(values)})
    pairs = rows.annotate(**{MEANT: Subquery(meant[:1])}).values_list(column, MEANT)
    found = {value: each for value, each in pairs if each is not None}
    if lost := [value for value in values if value not in found]:
        raise NotPlannable(
            _("%(column)s: %(value)s refers to no row that can be found.")
            % {"column": f"{model._meta.label}.{column}", "value": lost[0]}
        )
    return found
