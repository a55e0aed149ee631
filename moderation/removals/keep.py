"""Keep: exclude objects from a draft, and return them to its selection.

Both work on a few batches at a time, and seal the draft again each time. So neither memory nor a
transaction grows with the number of objects, and after an interruption the draft has a seal that no
open page has: it must be reviewed before it can be confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext as _

from moderation.cascade import json_key
from moderation.cascade.batches import fill_with, model_of
from moderation.db.rows import all_rows
from moderation.exceptions import DraftChanged, RemovalError, TooManyRows
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals import history
from moderation.removals.check_first import delete_marks, lock_sealed_draft, mark_and_reseal
from moderation.removals.history import record_change
from moderation.removals.limits import missing_rights
from moderation.removals.refused_objects import Guard, RefusedObjects, refused_keys
from moderation.removals.seal import (
    BATCHES_PER_CHUNK,
    check_seal,
    reseal,
    save_batch,
    save_without,
)

# The keys of objects, as texts, with the number of their batch. Each batch may occur once.
KeysByBatch: TypeAlias = Iterable[tuple[int, Collection[str]]]
# The same for a few batches.
Chunk: TypeAlias = Mapping[int, AbstractSet[str]]


@dataclass(slots=True)
class NotReturned:
    """The kept objects that could not be returned.

    `deleted` are named by their keys. They no longer exist, so they are no longer kept.
    `refused` are the objects that the actor may no longer remove or view. They stay kept.
    """

    deleted: RefusedObjects = field(default_factory=RefusedObjects)
    refused: RefusedObjects = field(default_factory=RefusedObjects)


def exclude(removal: Removal, *, seal: str, keys_by_batch: KeysByBatch) -> None:
    """Exclude objects from a draft's selection, and store their keys as kept.

    The other objects stay frozen; the confirmation finds any changes to them. Does nothing if the
    objects are already kept. Raises DraftChanged if the seal is out of date, or if the selection
    contains none of the objects.
    """
    check_seal(removal, seal)
    chunks = _chunks(keys_by_batch)
    first = next(chunks, {})
    if first and _are_kept(removal, first):
        return
    reduce_selection(removal, history.EXCLUDED, partial(_exclude_first, removal, first))
    for chunk in chunks:
        reduce_selection(removal, history.EXCLUDED, partial(_exclude_chunk, removal, chunk))


def return_kept(
    removal: Removal,
    *,
    seal: str,
    keys_by_batch: KeysByBatch,
    actor: AbstractUser,
    guard: Guard | None = None,
) -> NotReturned:
    """Return kept objects to a draft's selection, frozen and marked as they are now.

    Leaves out objects that no longer exist or that `guard` refuses, and returns their names. Raises
    DraftChanged if the seal is out of date, or if none of the objects is kept. Raises RemovalError
    if the actor may no longer remove objects, or if a batch would become too large for one
    transaction.
    """
    check_seal(removal, seal)
    if missing := list(missing_rights(removal, actor)):
        raise RemovalError(" ".join(missing))
    not_returned, found = NotReturned(), False
    for chunk in _chunks(keys_by_batch):
        kept = _kept_in(removal, chunk)
        found = found or bool(kept)
        deleted = _deleted(removal, kept)
        not_returned.deleted.add(sorted(deleted))
        refused = _refused(removal, kept, deleted, guard, not_returned.refused)
        keys = {number: set(keys) - refused.get(number, set()) for number, keys in kept.items()}
        extend_selection(removal, history.RETURNED, partial(_return_chunk, removal, keys, deleted))
    if not found:
        raise DraftChanged(_("That object is no longer kept."))
    return not_returned


def selected_keys(removal: Removal) -> Iterator[tuple[int, list[str]]]:
    """Yield the keys of all selected objects, as texts, with the number of their batch."""
    for number, frozen in _batches_with(removal, "objects_total", "number", "frozen"):
        yield number, [str(key) for key, _digest in frozen]


def kept_keys(removal: Removal) -> Iterator[tuple[int, list[str]]]:
    """Yield the keys of all kept objects, as `selected_keys` does."""
    for number, kept in _batches_with(removal, "kept_total", "number", "kept"):
        yield number, list(map(str, kept))


def last_kept_keys(removal: Removal) -> Iterator[tuple[int, list[str]]]:
    """Yield the keys of the objects that the most recent Keep excluded, as `selected_keys` does."""
    columns = ("number", "kept", "last_kept_total")
    for number, kept, total in _batches_with(removal, "last_kept_total", *columns):
        yield number, list(map(str, kept[-total:]))


def kept_among(removal: Removal, keys: AbstractSet[str]) -> list[tuple[int, list[str]]]:
    """Return those of the keys whose objects are kept, as `selected_keys` does."""
    found = ((number, [key for key in kept if key in keys]) for number, kept in kept_keys(removal))
    return [(number, kept) for number, kept in found if kept]


def _batches_with(removal: Removal, total: str, *columns: str) -> Iterator[Any]:
    """Yield columns of the batches in which a total is not zero. Reads a few batches at a time."""
    found = removal.batches.filter(**{f"{total}__gt": 0}).order_by("number")
    numbers = list(found.values_list("number", flat=True))
    for start in range(0, len(numbers), BATCHES_PER_CHUNK):
        chunk = numbers[start : start + BATCHES_PER_CHUNK]
        batches = removal.batches.filter(number__in=chunk).order_by("number")
        yield from batches.values_list(*columns)


def _chunks(keys_by_batch: KeysByBatch) -> Iterator[Chunk]:
    batches = iter(keys_by_batch)
    while chunk := list(islice(batches, BATCHES_PER_CHUNK)):
        yield {number: frozenset(keys) for number, keys in chunk}


def reduce_selection(removal: Removal, change: str, act: Callable[[], list[Any]]) -> None:
    """Exclude objects from a draft in a transaction that seals it again. `act` returns their keys.

    If the draft is not sealed, only seals it, and raises DraftChanged.
    """
    with lock_sealed_draft(removal):
        record_change(removal, change, act())
        reseal(removal)


def extend_selection(removal: Removal, change: str, act: Callable[[], list[Any]]) -> None:
    """Freeze more objects in a draft in a transaction; then mark them, and seal the draft again.

    `act` returns the keys of the objects. If the draft is not sealed, only seals it, and raises
    DraftChanged.
    """
    with lock_sealed_draft(removal):
        if not (keys := act()):
            reseal(removal)
    if keys:
        mark_and_reseal(removal, {change: keys})


def _exclude_first(removal: Removal, chunk: Chunk) -> list[Any]:
    """Exclude the first objects of a Keep, which becomes the one that can be undone."""
    removal.batches.filter(last_kept_total__gt=0).update(last_kept_total=0)
    return _exclude_chunk(removal, chunk)


def _exclude_chunk(removal: Removal, chunk: Chunk) -> list[Any]:
    """Exclude objects and return their keys. Raises DraftChanged if none of them is selected."""
    excluded: list[Any] = []
    for batch in _batches(removal, chunk):
        keys = [key for key, _digest in batch.frozen if str(key) in chunk[batch.number]]
        batch.kept = [*batch.kept, *keys]
        batch.kept_total, batch.last_kept_total = len(batch.kept), len(keys)
        save_without(batch, set(keys))
        excluded += keys
    if not excluded:
        raise DraftChanged(_("That object is no longer in this selection."))
    return excluded


def _batches(removal: Removal, numbers: Collection[int]) -> Iterator[RemovalBatch]:
    for batch in removal.batches.filter(number__in=list(numbers)).order_by("number"):
        batch.removal = removal  # avoids a query for each batch
        yield batch


def _kept_in(removal: Removal, chunk: Chunk) -> dict[int, list[Any]]:
    """Return those of the objects that are kept: {number of the batch: JSON values of the keys}."""
    batches = removal.batches.filter(number__in=list(chunk)).order_by("number")
    kept = {
        number: [key for key in keys if str(key) in chunk[number]]
        for number, keys in batches.values_list("number", "kept")
    }
    return {number: keys for number, keys in kept.items() if keys}


def _are_kept(removal: Removal, chunk: Chunk) -> bool:
    kept = _kept_in(removal, chunk)
    found = {number: frozenset(map(str, keys)) for number, keys in kept.items()}
    return any(chunk.values()) and found == {number: keys for number, keys in chunk.items() if keys}


def _deleted(removal: Removal, kept: Mapping[int, Sequence[Any]]) -> set[Any]:
    """Return the keys of the objects that no longer exist."""
    model = model_of(removal)
    keys = {key for keys in kept.values() for key in keys}
    wanted = set(map(model._meta.pk.to_python, keys))
    rows = all_rows(model, AuditEntry.objects.db).filter(pk__any_of=wanted)
    return keys - {json_key(key) for key in rows.values_list("pk", flat=True)}


def _refused(
    removal: Removal,
    kept: Mapping[int, Sequence[Any]],
    deleted: AbstractSet[Any],
    guard: Guard | None,
    refused: RefusedObjects,
) -> dict[int, set[Any]]:
    """Return the keys of the objects that a guard refuses, by the number of their batch."""
    if guard is None:
        return {}
    pairs = {
        number: [(key, "") for key in keys if key not in deleted] for number, keys in kept.items()
    }
    batches = (
        RemovalBatch(removal=removal, number=number, frozen=frozen)
        for number, frozen in pairs.items()
    )
    return refused_keys(batches, guard, refused)


def _return_chunk(
    removal: Removal, keys: Mapping[int, AbstractSet[Any]], deleted: AbstractSet[Any]
) -> list[Any]:
    """Put kept objects back into their batches; return their keys. Forget those in `deleted`.

    Raises RemovalError if a batch would become too large for one transaction.
    """
    delete_marks(removal, deleted)
    try:
        return [
            key
            for batch in _batches(removal, keys)
            for key in _return_to(batch, keys[batch.number], deleted)
        ]
    except TooManyRows as too_many:
        text = _("Too many rows refer to these now. Select them again instead.")
        raise RemovalError(text) from too_many


def _return_to(batch: RemovalBatch, keys: AbstractSet[Any], deleted: AbstractSet[Any]) -> list[Any]:
    """Freeze kept objects in their batch again, and return their keys."""
    returned = fill_with(batch, [key for key in batch.kept if key in keys])
    _remove_from_kept(batch, deleted | set(returned))
    save_batch(batch)
    return returned


def _remove_from_kept(batch: RemovalBatch, keys: AbstractSet[Any]) -> None:
    last = batch.kept[len(batch.kept) - batch.last_kept_total :]
    batch.kept = [key for key in batch.kept if key not in keys]
    batch.kept_total = len(batch.kept)
    batch.last_kept_total = sum(key not in keys for key in last)
