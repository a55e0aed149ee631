"""The batches of a draft, and its seal: the digest of all objects and files in the preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from moderation import conf
from moderation.cascade.batches import fill_batch, model_of, plan_batch
from moderation.cascade.engine import WalkEngine, engine_for
from moderation.cascade.preview import Preview, digest_of
from moderation.exceptions import DraftChanged
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.models.states import RemovalState
from moderation.removals.history import changes_since

TOTALS = (
    "objects_total", "kept_total", "files_total", "pictures_total", "without_picture_total",
    "bytes_total",
)  # fmt: skip
COUNTS_BY_MODEL = ("rows_by_model", "updates_by_model")
# Batches that one statement reads: at most 10,000 objects in memory.
BATCHES_PER_CHUNK = 20


def chunks_of_batches(removal: Removal) -> Iterator[list[RemovalBatch]]:
    """Yield the batches of a removal in order, BATCHES_PER_CHUNK at a time; defer their keys.

    The keys in each of these lists are in order: objects that were added at different times are not
    in the same one. Skips batches whose objects were all kept.
    """
    for numbers in _chunks_of_numbers(removal):
        batches = removal.batches.filter(number__in=numbers).order_by("number")
        batches = batches.defer("frozen", "kept", "fingerprints")
        for batch in batches:
            batch.removal = removal  # avoids a query for each batch
        if found := list(batches):  # empty if the draft was cancelled in the meantime
            yield found


def _chunks_of_numbers(removal: Removal) -> Iterator[list[int]]:
    with_objects = removal.batches.exclude(objects_total=0, kept_total__gt=0).order_by("number")
    found = list(with_objects.values_list("addition", "number"))
    for _addition, batches in groupby(found, itemgetter(0)):
        while numbers := [number for _, number in islice(batches, BATCHES_PER_CHUNK)]:
            yield numbers


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
    """Save a filled batch, or delete it if it has neither objects nor kept objects."""
    selected = {key for key, _digest in batch.frozen}
    batch.last_added = [key for key in batch.last_added if key in selected]
    batch.last_added_total = len(batch.last_added)
    if batch.objects_total or batch.kept_total:
        batch.save()
    elif batch.pk:
        batch.delete()


def save_without(batch: RemovalBatch, keys: Collection[Any]) -> None:
    """Save a batch without some of its objects, with new counts.

    The digests and fingerprints of the other objects stay those of the preview.
    """
    batch.frozen = objects = [pair for pair in batch.frozen if pair[0] not in keys]
    excluded = set(map(str, keys))
    fingerprints = {key: own for key, own in batch.fingerprints.items() if key not in excluded}
    preview = replace(plan_batch(batch).preview(), objects=objects, fingerprints=fingerprints)
    save_batch(fill_batch(batch, preview))


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
    return removal.seal == seal_of_batches(removal)


def seal_of_batches(removal: Removal) -> str:
    """Return the seal that matches the batches of a draft."""
    digests = removal.batches.order_by("number").values_list("digest", flat=True)
    return _seal_of(removal, digests)


def check_seal(removal: Removal, seal: str) -> None:
    """Raise DraftChanged if a removal is not the draft with this seal."""
    if removal.state != RemovalState.DRAFT:
        raise DraftChanged(_("This removal is no longer a draft."))
    if not removal.seal or seal != removal.seal:
        raise draft_changed(removal, seal)


def lock_draft(removal: Removal, seal: str) -> None:
    """Lock a removal, and read its history and dropped rules again, which are added to.

    Raises DraftChanged if it is no longer the draft with this seal.
    """
    locked = Removal.objects.select_for_update().get(pk=removal.pk)
    check_seal(locked, seal)
    removal.history, removal.dropped_rules = locked.history, locked.dropped_rules


def draft_changed(removal: Removal, seal: str) -> DraftChanged:
    """Return the exception that says what changed since a draft had this seal."""
    if changes := changes_since(removal, seal):
        text = _("The selection changed since you opened this page: %(changes)s. Review it again.")
        return DraftChanged(text % {"changes": "; ".join(changes)})
    return DraftChanged(
        _("The selection changed, perhaps in another tab. Review it again before you confirm.")
    )


def _seal_of(removal: Removal, digests: Iterable[str]) -> str:
    return digest_of("\n".join([removal.model_label, *digests]))


def _engine(removal: Removal) -> WalkEngine:
    return engine_for(model_of(removal), AuditEntry.objects.db)
