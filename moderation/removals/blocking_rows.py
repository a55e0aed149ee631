"""The rows that prevent the confirmation of a draft, because they protect or restrict objects."""

from __future__ import annotations

from django.db.models import Model

from moderation.cascade.batches import plan_batch
from moderation.models import Removal

# The value of `blockers` in a batch without blocking rows.
NO_BLOCKERS: dict[str, dict[str, int]] = {"protected": {}, "restricted": {}}


def blocking_rows(removal: Removal, limit: int) -> list[Model]:
    """Return the first rows that protect or restrict objects of a draft, at most `limit`.

    Each row is returned once. Plans the first batches that have such rows, at most `limit` batches.
    """
    if not removal.blockers:
        return []
    found: dict[tuple[type[Model], object], Model] = {}
    batches = removal.batches.exclude(blockers=NO_BLOCKERS).order_by("number")
    for batch in batches[:limit]:
        batch.removal = removal  # avoids a query for each batch
        for rows in plan_batch(batch).blocking:
            remaining = limit - len(found)
            found |= {(type(row), row.pk): row for row in rows.order_by("pk")[:remaining]}
        if len(found) >= limit:
            break
    return list(found.values())
