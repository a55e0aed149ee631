"""Fill, compare and lock batches: in Python for any model, or in PostgreSQL where that is possible.

`engine_for` chooses. Both engines return the same results; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from moderation import conf
from moderation.cascade import postgres
from moderation.cascade.batches import PREVIEW_COLUMNS, fill_batch, keys_of, plan_batch
from moderation.cascade.preview import Preview, digest_of_batch, json_key
from moderation.cascade.tree import lock_tree
from moderation.exceptions import TooManyRows
from moderation.models import RemovalBatch
from moderation.registry.files import StoredFile


@dataclass(frozen=True, slots=True)
class LockedBatch:
    """A batch whose rows are locked until the transaction ends.

    `keys` are those of the unchanged objects. `files` are the files of the locked rows that will be
    deleted with them, and `rows` counts these rows by model label. `deleted` and `changed` are the
    frozen keys of the other objects.
    """

    keys: Sequence[Any]
    files: AbstractSet[StoredFile]
    rows: dict[str, int]
    deleted: list[Any] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)


class WalkEngine:
    """Follows the relations in Python, for any model in any database."""

    def __init__(self, model: type[models.Model], using: str) -> None:
        self.model, self.using = model, using

    def fill(self, batches: Sequence[RemovalBatch]) -> dict[int, int]:
        """Fill frozen batches of one removal with the current preview, and save them.

        Return {primary key of a batch: rows that its deletion would delete}. A batch whose objects
        no longer exist is neither saved nor returned. A batch with more than `conf.batch_rows()`
        rows is returned with some number above that limit, and is not saved.
        """
        rows, filled = {}, []
        for batch in batches:
            try:
                preview = plan_batch(batch).preview()
            except TooManyRows:
                rows[batch.pk] = conf.batch_rows() + 1
                continue
            if preview.objects:
                filled.append(fill_batch(batch, preview))
                rows[batch.pk] = preview.rows.total()
        RemovalBatch.objects.bulk_update(filled, PREVIEW_COLUMNS)
        return rows

    def compare(self, batches: Sequence[RemovalBatch]) -> Iterator[tuple[RemovalBatch, Preview]]:
        """Yield the batches of one removal that changed since they were filled, with new previews.

        Raises TooManyRows for a batch that is now too large for one transaction.
        """
        for batch in batches:
            preview = plan_batch(batch).preview()
            if digest_of_batch(preview.objects) != batch.digest:
                yield batch, preview

    def lock(self, batch: RemovalBatch) -> LockedBatch:
        """Lock the objects of a batch FOR UPDATE, with all rows that the walk reads.

        Compares the objects one by one and returns the unchanged ones. Raises TooManyRows as
        `compare` does.
        """
        plan = plan_batch(batch, lock=True)
        frozen, current = dict(batch.frozen), dict(plan.preview().objects)
        deleted = [key for key in frozen if key not in current]
        changed = [key for key in current if current[key] != frozen[key]]
        if changed:
            unchanged = [key for key in plan.roots if json_key(key) not in set(changed)]
            plan = plan_batch(batch, lock=True, keys=unchanged)
        return LockedBatch(plan.roots, plan.files.keys(), plan.rows_read, deleted, changed)


class PostgresEngine(WalkEngine):
    """Computes previews and digests in PostgreSQL, for a cascade that `postgres` supports."""

    def fill(self, batches: Sequence[RemovalBatch]) -> dict[int, int]:
        """Do the same as `WalkEngine.fill`, in one statement.

        Batches with too many rows are saved as well, and returned with their exact number.
        """
        return postgres.fill(self.model, batches, using=self.using)

    def compare(self, batches: Sequence[RemovalBatch]) -> Iterator[tuple[RemovalBatch, Preview]]:
        """Do the same as `WalkEngine.compare`, but plan only the batches whose digest differs."""
        digests = postgres.digests_of(self.model, batches, using=self.using)
        yield from super().compare([b for b in batches if digests.get(b.pk) != b.digest])

    def lock(self, batch: RemovalBatch) -> LockedBatch:
        """Do the same as `WalkEngine.lock`, but without the walk if the digest is the same.

        If there are more rows than one transaction may delete, the walk raises TooManyRows.
        """
        keys = keys_of(batch)
        locked = lock_tree(self.model, keys, self.using, limit=conf.batch_rows())
        if locked is not None:
            digests = postgres.digests_of(self.model, [batch], using=self.using)
            if digests.get(batch.pk) == batch.digest:
                return LockedBatch(keys, *locked)
        return super().lock(batch)


def engine_for(model: type[models.Model], using: str) -> WalkEngine:
    """Return the fastest engine for a model in a database."""
    return (PostgresEngine if postgres.supports(model, using) else WalkEngine)(model, using)
