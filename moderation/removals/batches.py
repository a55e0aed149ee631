"""What a batch holds: the keys of its objects and what was shown of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Sum

from moderation import conf
from moderation.cascade import Plan, Shown, digest_of, digest_of_batch, make_plan
from moderation.cascade.postgres import can_summarize, digests_of, fill
from moderation.cascade.tree import Locked, lock_tree
from moderation.exceptions import TooManyRows
from moderation.models import AuditEntry, Removal, RemovalBatch

TOTALS = ("objects_total", "files_total", "pictures_total", "bare_total", "bytes_total")
# Batches that are looked at with one statement: memory for 10,000 objects, not for all.
BATCHES_A_PAGE = 20
FILLED = (
    "shown", "digest", "objects_total", "files_total", "pictures_total", "bare_total",
    "bytes_total", "rows_by_model", "updates_by_model", "blockers",
)  # fmt: skip
KINDS = ("rows_by_model", "updates_by_model")


def model_of(removal: Removal) -> type[models.Model]:
    """Return the model whose objects a removal deletes. Raises LookupError where it is gone."""
    return apps.get_model(removal.model_label)


def keys_of(batch: RemovalBatch) -> list[Any]:
    """Return the frozen keys as the model's primary key knows them."""
    to_python = model_of(batch.removal)._meta.pk.to_python
    return [to_python(key) for key, _ in batch.shown]


def plan_batch(
    batch: RemovalBatch,
    *,
    lock: bool = False,
    keys: list[Any] | None = None,
    rows_of: AbstractSet[type[models.Model]] = frozenset(),
) -> Plan:
    """Return the plan for a batch's objects as they are now, or for some of them.

    `rows_of` are models whose rows it must contain. Raises TooManyRows if there are now too many
    rows for one transaction.
    """
    return make_plan(
        model_of(batch.removal),
        keys_of(batch) if keys is None else keys,
        using=AuditEntry.objects.db,
        limit=conf.batch_rows(),
        lock=lock,
        rows_of=rows_of,
    )


def lock_unchanged(batch: RemovalBatch, keys: list[Any]) -> Locked | None:
    """Lock the rows of a batch's objects, and return them if nothing changed since the preview.

    The database compares the digest. Returns None if it differs, or if only the walk can compute
    it.
    """
    model, using = model_of(batch.removal), AuditEntry.objects.db
    if not can_summarize(model, using):
        return None
    locked = lock_tree(model, keys, using, limit=conf.batch_rows())
    if locked is None:
        return None
    now = digests_of(model, [batch], using=using).get(batch.pk)
    return locked if now == batch.digest else None


def pages_of_batches(removal: Removal) -> Iterator[list[RemovalBatch]]:
    """Yield the batches of a removal in order, BATCHES_A_PAGE at a time, without `shown`."""
    numbers = list(removal.batches.order_by("number").values_list("number", flat=True))
    for start in range(0, len(numbers), BATCHES_A_PAGE):
        asked = numbers[start : start + BATCHES_A_PAGE]
        batches = removal.batches.filter(number__in=asked).order_by("number").defer("shown")
        for batch in batches:
            batch.removal = removal  # spares a query for each
        if found := list(batches):  # none where the draft was cancelled meanwhile
            yield found


def fill_batches(removal: Removal, batches: Sequence[RemovalBatch]) -> list[RemovalBatch]:
    """Save the current preview of their objects in batches of a removal.

    Deletes batches whose objects no longer exist. Returns the batches with too many rows for one
    transaction, which are still to be halved.
    """
    model, using = model_of(removal), AuditEntry.objects.db
    if not can_summarize(model, using):
        return _walk_and_fill(batches)
    rows = fill(model, batches, using=using)
    gone = [batch.pk for batch in batches if batch.pk not in rows]
    removal.batches.filter(pk__in=gone).delete()
    return [batch for batch in batches if rows.get(batch.pk, 0) > conf.batch_rows()]


def _walk_and_fill(batches: Sequence[RemovalBatch]) -> list[RemovalBatch]:
    filled, too_large = [], []
    for batch in batches:
        try:
            filled.append(fill_batch(batch, plan_batch(batch).shown()))
        except TooManyRows:
            too_large.append(batch)
    RemovalBatch.objects.bulk_update([batch for batch in filled if batch.objects_total], FILLED)
    for batch in filled:
        if not batch.objects_total:
            batch.delete()
    return too_large


def changed_batches(removal: Removal) -> Iterator[tuple[RemovalBatch, Shown]]:
    """Yield the batches of a draft whose objects changed since the preview, with the new preview.

    Raises TooManyRows if such a batch has become too large for one transaction.
    """
    model, using = model_of(removal), AuditEntry.objects.db
    for batches in pages_of_batches(removal):
        suspects = batches
        if can_summarize(model, using):
            digests = digests_of(model, batches, using=using)
            suspects = [batch for batch in batches if digests.get(batch.pk) != batch.digest]
        for batch in suspects:
            shown = plan_batch(batch).shown()
            if digest_of_batch(shown.objects) != batch.digest:
                yield batch, shown


def fill_batch(batch: RemovalBatch, shown: Shown) -> RemovalBatch:
    """Put a preview into a batch without saving it; return the batch."""
    batch.shown = shown.objects
    batch.digest = digest_of_batch(shown.objects)
    batch.objects_total = len(shown.objects)
    batch.files_total = shown.files
    batch.pictures_total = shown.cards
    batch.bare_total = shown.bare
    batch.bytes_total = shown.size
    batch.rows_by_model = dict(+shown.rows)  # without the kinds that have none
    batch.updates_by_model = dict(+shown.updates)
    batch.blockers = {"protected": dict(shown.protected), "restricted": dict(shown.restricted)}
    return batch


def save_batch(batch: RemovalBatch) -> None:
    """Save a batch that was filled; one without objects is deleted."""
    if batch.objects_total:
        batch.save()
    elif batch.pk:
        batch.delete()


def reseal(removal: Removal) -> None:
    """Sum up the batches of a draft and seal what they show."""
    batches = removal.batches.order_by("number")
    sums = batches.aggregate(**{name: Sum(name, default=0) for name in TOTALS})
    kinds: dict[str, Counter[str]] = {name: Counter() for name in KINDS}
    blockers: dict[str, Counter[str]] = {"protected": Counter(), "restricted": Counter()}
    digests = []
    for digest, blocking, *counts in batches.values_list("digest", "blockers", *KINDS).iterator():
        digests.append(digest)
        for name, count in zip(KINDS, counts, strict=True):
            kinds[name].update(count)
        for name, counter in blockers.items():
            counter.update(blocking.get(name, {}))
    removal.seal = _seal_over(removal, digests)
    removal.blockers = {name: dict(counter) for name, counter in blockers.items() if counter}
    for name, value in {**sums, **kinds}.items():
        setattr(removal, name, value)
    removal.save(update_fields=["seal", "history", "blockers", *TOTALS, *KINDS])


def is_sealed(removal: Removal) -> bool:
    """Return whether a draft's seal matches its batches. Call this under the draft's lock.

    It does not if a request was interrupted after it saved batches and before it sealed them.
    """
    digests = removal.batches.order_by("number").values_list("digest", flat=True)
    return removal.seal == _seal_over(removal, digests)


def _seal_over(removal: Removal, digests: Iterable[str]) -> str:
    return digest_of("\n".join([removal.model_label, *digests]))
