"""Keys that are equal in the database but not in Python.

A column may ignore case or accents in comparisons (NOCASE, citext, a custom collation), so that
"ABC" in a foreign key refers to "abc". The walk matches rows with their objects in Python. Where it
finds no match, it looks up the referenced row in the database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Model, OuterRef, Subquery
from django.utils.translation import gettext as _

from moderation.db.rows import all_rows
from moderation.exceptions import CannotFreeze

# The name of an annotation. No column has this name.
REFERENCED = "moderation_referenced_value"


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

    Runs one query. Raises CannotFreeze for a value that does not refer to a row.
    """
    referenced = all_rows(target, using)
    referenced = referenced.filter(**{target_column: OuterRef(column)}).values(target_column)
    rows = all_rows(model, using)
    rows = rows.filter(**{f"{column}__any_of": set(values)})
    pairs = rows.annotate(**{REFERENCED: Subquery(referenced[:1])}).values_list(column, REFERENCED)
    found = {value: match for value, match in pairs if match is not None}
    if unmatched := [value for value in values if value not in found]:
        raise CannotFreeze(
            _("%(column)s: no row was found for the value %(value)s.")
            % {"column": f"{model._meta.label}.{column}", "value": unmatched[0]}
        )
    return found
