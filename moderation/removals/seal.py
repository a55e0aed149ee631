"""The batches of a draft, and the seal over everything that the moderator sees in them."""

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
# Batches that are looked at with one statement: memory for 10,000 objects, not for all.
BATCHES_A_PAGE = 20
KINDS = ("rows_by_model", "updates_by_model")


def pages_of_batches(removal: Removal) -> Iterator[list[RemovalBatch]]:
    """Yield the batches of a removal in order, BATCHES_A_PAGE at a time, without `frozen`."""
    numbers = list(removal.batches.order_by("number").values_list("number", flat=True))
    for start in range(0, len(numbers), BATCHES_A_PAGE):
        asked = numbers[start : start + BATCHES_A_PAGE]
        batches = removal.batches.filter(number__in=asked).order_by("number").defer("frozen")
        for batch in batches:
            batch.removal = removal  # spares a query for each
        if found := list(batches):  # none where the draft was cancelled meanwhile
            yield found


def fill_batches(removal: Removal, batches: Sequence[RemovalBatch]) -> list[RemovalBatch]:
    """Save the current preview of their objects in batches of a removal.

    Deletes batches whose objects no longer exist. Returns the batches with too many rows for one
    transaction, which are still to be halved.
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
    for batches in pages_of_batches(removal):
        yield from engine.compare(batches)


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


def _engine(removal: Removal) -> WalkEngine:
    return engine_for(model_of(removal), AuditEntry.objects.db)
