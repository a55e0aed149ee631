"""The rows that keep a draft from being confirmed: they must not lose what was selected."""

from __future__ import annotations

from django.db.models import Model

from moderation.models import Removal
from moderation.removal.slices import plan_slice

# What a batch says in which nothing stands in the way.
NOTHING: dict[str, dict[str, int]] = {"protected": {}, "restricted": {}}


def standing_rows(removal: Removal, limit: int) -> list[Model]:
    """Return the first rows that protect or restrict objects of a draft, each once.

    Plans the first batches that have such rows, at most `limit` of them.
    """
    if not removal.blockers:
        return []
    found: dict[tuple[type[Model], object], Model] = {}
    batches = removal.slices.exclude(blockers=NOTHING).order_by("number")
    for part in batches[:limit]:
        part.removal = removal  # spares a query for each
        for rows in plan_slice(part).standing:
            room = limit - len(found)
            found |= {(type(row), row.pk): row for row in rows.order_by("pk")[:room]}
        if len(found) >= limit:
            break
    return list(found.values())
