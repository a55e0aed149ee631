"""What a deletion will delete, computed beforehand: by Python for any model, or by PostgreSQL.

`engine_for` chooses. Both engines fill, compare and lock batches with the same results; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from moderation import conf
from moderation.cascade import postgres
from moderation.cascade.batches import PREVIEWED, fill_batch, keys_of, plan_batch
from moderation.cascade.preview import Preview, digest_of_batch, json_key
from moderation.cascade.tree import lock_tree
from moderation.exceptions import TooManyRows
from moderation.models import RemovalBatch
from moderation.registry.files import StoredFile


@dataclass(frozen=True, slots=True)
class Locked:
    """The unchanged objects of a batch, whose rows are locked until the transaction ends.

    `files` are the files of all locked rows, `rows` counts these rows by model label. `deleted` and
    `changed` are the frozen keys of the other objects.
    """

    keys: Sequence[Any]
    files: AbstractSet[StoredFile]
    rows: dict[str, int]
    deleted: list[Any] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)


class WalkEngine:
    """Follows the relations in Python, for any model on any database."""

    def __init__(self, model: type[models.Model], using: str) -> None:
        self.model, self.using = model, using

    def fill(self, batches: Sequence[RemovalBatch]) -> dict[int, int]:
        """Save the current preview of their objects in frozen batches of one removal.

        Return {primary key of a batch: rows that its deletion would delete}. A batch whose objects
        no longer exist is not saved and not returned. Neither is a batch saved if its number is
        above `conf.batch_rows()`, which then stands for "more than that".
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
        RemovalBatch.objects.bulk_update(filled, PREVIEWED)
        return rows

    def compare(self, batches: Sequence[RemovalBatch]) -> Iterator[tuple[RemovalBatch, Preview]]:
        """Yield the batches of one removal that changed since they were filled, with a new preview.

        Raises TooManyRows for a batch that is now too large for one transaction.
        """
        for batch in batches:
            preview = plan_batch(batch).preview()
            if digest_of_batch(preview.objects) != batch.digest:
                yield batch, preview

    def lock(self, batch: RemovalBatch) -> Locked:
        """Lock the unchanged objects of a batch FOR UPDATE, with all rows that the walk reads.

        Objects are compared one by one. Raises TooManyRows as `compare` does.
        """
        plan = plan_batch(batch, lock=True)
        frozen, now = dict(batch.frozen), dict(plan.preview().objects)
        deleted = [key for key in frozen if key not in now]
        changed = [key for key in now if now[key] != frozen[key]]
        if changed:
            same = [key for key in plan.roots if json_key(key) not in set(changed)]
            plan = plan_batch(batch, lock=True, keys=same)
        return Locked(plan.roots, plan.files.keys(), plan.rows_read, deleted, changed)


class PostgresEngine(WalkEngine):
    """Has PostgreSQL compute the digests, if the cascade is a tree of plain foreign keys."""

    def fill(self, batches: Sequence[RemovalBatch]) -> dict[int, int]:
        """Do as `WalkEngine.fill` in one statement, except that large batches are saved as well."""
        return postgres.fill(self.model, batches, using=self.using)

    def compare(self, batches: Sequence[RemovalBatch]) -> Iterator[tuple[RemovalBatch, Preview]]:
        """Do as `WalkEngine.compare`, and plan only the batches whose digest differs."""
        digests = postgres.digests_of(self.model, batches, using=self.using)
        yield from super().compare([b for b in batches if digests.get(b.pk) != b.digest])

    def lock(self, batch: RemovalBatch) -> Locked:
        """Do as `WalkEngine.lock`, and walk only if the batch's digest differs."""
        keys = keys_of(batch)
        locked = lock_tree(self.model, keys, self.using, limit=conf.batch_rows())
        if locked is not None:
            digests = postgres.digests_of(self.model, [batch], using=self.using)
            if digests.get(batch.pk) == batch.digest:
                return Locked(keys, *locked)
        return super().lock(batch)


def engine_for(model: type[models.Model], using: str) -> WalkEngine:
    """Return the fastest engine for a model in a database."""
    return (PostgresEngine if postgres.supports(model, using) else WalkEngine)(model, using)
