"""Keys that are equal in the database but not in Python.

A column may ignore case or accents in comparisons (NOCASE, citext, a custom collation), so that
"ABC" in a foreign key refers to "abc". The walk matches rows with their objects in Python. If it
finds no match, the database determines the row.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Model, OuterRef, Subquery
from django.utils.translation import gettext as _

from moderation.db.rows import all_rows
from moderation.exceptions import CannotFreeze

# The name of an annotation, which no column has.
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
    """Return {value of a referring column: value in the row that it refers to}.

    One query. Raises CannotFreeze for a value that does not refer to a row.
    """
    meant = all_rows(target, using)
    meant = meant.filter(**{target_column: OuterRef(column)}).values(target_column)
    rows = all_rows(model, using)
    rows = rows.filter(**{f"{column}__any_of": set(values)})
    pairs = rows.annotate(**{MEANT: Subquery(meant[:1])}).values_list(column, MEANT)
    found = {value: each for value, each in pairs if each is not None}
    if lost := [value for value in values if value not in found]:
        raise CannotFreeze(
            _("%(column)s: no row was found for the value %(value)s.")
            % {"column": f"{model._meta.label}.{column}", "value": lost[0]}
        )
    return found
