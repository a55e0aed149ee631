"""The batches of a draft, and its seal: the digest of all objects and files in the preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Sum

from moderation import conf
from moderation.cascade.batches import model_of
from moderation.cascade.engine import WalkEngine, engine_for
from moderation.cascade.preview import Preview, digest_of
from moderation.models import AuditEntry, Removal, RemovalBatch

TOTALS = ("objects_total", "files_total", "pictures_total", "without_picture_total", "bytes_total")
COUNTS_BY_MODEL = ("rows_by_model", "updates_by_model")
# Batches that one statement reads: at most 10,000 objects in memory.
BATCHES_PER_CHUNK = 20


def chunks_of_batches(removal: Removal) -> Iterator[list[RemovalBatch]]:
    """Yield the batches of a removal in order, BATCHES_PER_CHUNK at a time; defer `frozen`."""
    numbers = list(removal.batches.order_by("number").values_list("number", flat=True))
    for start in range(0, len(numbers), BATCHES_PER_CHUNK):
        chunk = numbers[start : start + BATCHES_PER_CHUNK]
        batches = removal.batches.filter(number__in=chunk).order_by("number").defer("frozen")
        for batch in batches:
            batch.removal = removal  # avoids a query for each batch
        if found := list(batches):  # empty if the draft was cancelled in the meantime
            yield found


def fill_batches(removal: Removal, batches: Sequence[RemovalBatch]) -> list[RemovalBatch]:
    """Fill batches of a removal with the current preview, and save them.

    Deletes batches whose objects no longer exist. Returns the batches with too many rows for one
    transaction, which the caller must split.
    """
    rows = _engine(removal).fill(batches)
    missing = [batch.pk for batch in batches if batch.pk not in rows]
    removal.batches.filter(pk__in=missing).delete()
    return [batch for batch in batches if rows.get(batch.pk, 0) > conf.batch_rows()]


def changed_batches(removal: Removal) -> Iterator[tuple[RemovalBatch, Preview]]:
    """Yield the batches of a draft whose objects changed since the preview, with the new preview.

    Raises TooManyRows if such a batch has become too large for one transaction.
    """
    engine = _engine(removal)
    for batches in chunks_of_batches(removal):
        yield from engine.compare(batches)


def save_batch(batch: RemovalBatch) -> None:
    """Save a filled batch, or delete it if it has no objects."""
    if batch.objects_total:
        batch.save()
    elif batch.pk:
        batch.delete()


def reseal(removal: Removal) -> None:
    """Save the totals of a draft's batches, its history and a new seal."""
    batches = removal.batches.order_by("number")
    sums = batches.aggregate(**{name: Sum(name, default=0) for name in TOTALS})
    by_model: dict[str, Counter[str]] = {name: Counter() for name in COUNTS_BY_MODEL}
    blockers: dict[str, Counter[str]] = {"protected": Counter(), "restricted": Counter()}
    digests = []
    rows = batches.values_list("digest", "blockers", *COUNTS_BY_MODEL)
    for digest, blocking, *counts in rows.iterator():
        digests.append(digest)
        for name, count in zip(COUNTS_BY_MODEL, counts, strict=True):
            by_model[name].update(count)
        for name, counter in blockers.items():
            counter.update(blocking.get(name, {}))
    removal.seal = _seal_of(removal, digests)
    removal.blockers = {name: dict(counter) for name, counter in blockers.items() if counter}
    for name, value in {**sums, **by_model}.items():
        setattr(removal, name, value)
    removal.save(update_fields=["seal", "history", "blockers", *TOTALS, *COUNTS_BY_MODEL])


def is_sealed(removal: Removal) -> bool:
    """Return whether a draft's seal matches its batches. Call this while holding the draft's lock.

    It does not match if a request was interrupted after it saved batches and before it resealed.
    """
    digests = removal.batches.order_by("number").values_list("digest", flat=True)
    return removal.seal == _seal_of(removal, digests)


def _seal_of(removal: Removal, digests: Iterable[str]) -> str:
    return digest_of("\n".join([removal.model_label, *digests]))


def _engine(removal: Removal) -> WalkEngine:
    return engine_for(model_of(removal), AuditEntry.objects.db)
