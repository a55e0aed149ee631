"""Add objects to the selection of a draft, such as other posts with the same picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from moderation import conf
from moderation.cascade import indivisible_reason
from moderation.cascade.batches import fill_with, model_of
from moderation.db.bulk_insert import insert
from moderation.exceptions import DraftChanged, RemovalError, TooManyRows
from moderation.models import AuditEntry, Removal, RemovalBatch, batch_numbers
from moderation.removals import history
from moderation.removals.check_first import delete_marks
from moderation.removals.freeze import (
    NUMBER_SPACING,
    fill_and_halve,
    numbered_batches,
    too_large_for_one_batch,
)
from moderation.removals.keep import (
    NotReturned,
    extend_selection,
    kept_among,
    reduce_selection,
    return_kept,
)
from moderation.removals.limits import missing_rights
from moderation.removals.refused_objects import Guard, RefusedObjects, refused_keys
from moderation.removals.seal import BATCHES_PER_CHUNK, check_seal, save_batch, save_without
from moderation.removals.selection import frozen_keys, selected_keys


@dataclass(slots=True)
class Added:
    """How many objects were added to a draft, and how many kept ones were returned to it.

    `refused` are objects that the actor may not remove, `not_returned` kept objects that could not
    be returned. `error` says why returning them failed, or is "". `left` is the number of objects
    above the limit, which can be added afterwards.
    """

    total: int = 0
    returned: int = 0
    left: int = 0
    refused: RefusedObjects = field(default_factory=RefusedObjects)
    not_returned: NotReturned = field(default_factory=NotReturned)
    error: str = ""


def most_added() -> int:
    """Return the largest number of objects that are added in one transaction."""
    return BATCHES_PER_CHUNK * conf.batch_objects()


def add(
    removal: Removal,
    *,
    seal: str,
    objects: QuerySet[Any],
    actor: AbstractUser,
    guard: Guard | None = None,
) -> Added:
    """Add objects to a draft's selection, frozen as they are now, and return their numbers.

    Adds at most `most_added()`, the first ones in key order. Kept objects are returned instead;
    selected objects and those that `guard` refuses are left out. Raises DraftChanged if the seal is
    out of date, RemovalError if the actor may no longer remove objects, and CannotFreeze or
    TooManyRows if the objects cannot be split into batches. Then nothing is added.
    """
    check_seal(removal, seal)
    if missing := list(missing_rights(removal, actor)):
        raise RemovalError(" ".join(missing))
    added, before = Added(), removal.objects_total
    keys = list(frozen_keys(objects.model, selected_keys(objects)[: most_added()]))
    if len(keys) == most_added():
        added.left = objects.count() - len(keys)
    kept = kept_among(removal, set(map(str, keys))) if removal.kept_total else []
    if new := _without(keys, {key for _number, texts in kept for key in texts}):
        change = partial(_add, removal, new, guard, added.refused)
        extend_selection(removal, history.ADDED, change)
        added.total = removal.objects_total - before
    if kept:
        try:
            added.not_returned = return_kept(
                removal, seal=removal.seal, keys_by_batch=kept, actor=actor, guard=guard
            )
        except (RemovalError, DraftChanged) as error:  # the others have already been added
            added.error = str(error)
        added.returned = removal.objects_total - before - added.total
    return added


def undo_add(removal: Removal, *, seal: str) -> int:
    """Exclude the objects of the most recent addition from a draft; return their number.

    They do not count as kept, because they were not selected before. Those that were kept since
    then stay kept. Raises DraftChanged if the seal is out of date, and RemovalError if there is
    nothing to undo.
    """
    check_seal(removal, seal)
    before = removal.objects_total
    reduce_selection(removal, history.ADD_UNDONE, partial(_exclude_last_added, removal))
    return before - removal.objects_total


def _without(keys: Iterable[Any], texts: AbstractSet[str]) -> list[Any]:
    return [key for key in keys if str(key) not in texts]


def _add(
    removal: Removal, keys: Sequence[Any], guard: Guard | None, refused: RefusedObjects
) -> list[Any]:
    """Add objects that are not kept, and return the keys of those that were added."""
    new = _without(keys, batch_numbers(removal, keys).keys())
    kept = kept_among(removal, set(map(str, new)))  # perhaps since the keys were read
    if not (new := _without(new, {key for _number, texts in kept for key in texts})):
        return []
    batches = _freeze(removal, new)
    existing = {key for batch in batches for key, _digest in batch.frozen}
    added = existing.intersection(new) - _exclude_refused(batches, set(new), guard, refused)
    _store_last_added(removal, batches, added)
    return [key for key in new if key in added]


def _store_last_added(
    removal: Removal, batches: Iterable[RemovalBatch], added: AbstractSet[Any]
) -> None:
    """Store which objects the most recent addition added, unless it added none."""
    if not added:
        return
    removal.batches.filter(last_added_total__gt=0).update(last_added=[], last_added_total=0)
    for batch in batches:
        keys = [key for key, _digest in batch.frozen if key in added]
        removal.batches.filter(pk=batch.pk).update(last_added=keys, last_added_total=len(keys))


def _exclude_last_added(removal: Removal) -> list[Any]:
    """Exclude the objects that were added most recently, and return their keys."""
    excluded: list[Any] = []
    for batch in removal.batches.filter(last_added_total__gt=0).order_by("number"):
        batch.removal = removal  # avoids a query for each
        keys = {key for key, _digest in batch.frozen}.intersection(batch.last_added)
        save_without(batch, keys)
        excluded += keys
    if not excluded:
        raise RemovalError(_("There is no addition left to undo."))
    delete_marks(removal, excluded)
    return excluded


def _freeze(removal: Removal, keys: Sequence[Any]) -> list[RemovalBatch]:
    """Save objects in the only batch if it has room for them, or else in new batches."""
    indivisible = indivisible_reason(model_of(removal))
    batches = list(removal.batches.all()[:2])
    if len(batches) == 1 and (indivisible or _has_room(batches[0], keys)):
        batches[0].removal = removal  # avoids a query
        try:
            fill_with(batches[0], keys)
        except TooManyRows as too_many:
            if indivisible:
                raise too_large_for_one_batch(indivisible) from too_many
        else:
            save_batch(batches[0])
            return batches
    return _freeze_in_new_batches(removal, keys, indivisible)


def _has_room(batch: RemovalBatch, keys: Sequence[Any]) -> bool:
    """Return whether a batch has room for these objects, even if all kept ones are returned."""
    return batch.objects_total + batch.kept_total + len(keys) <= conf.batch_objects()


def _freeze_in_new_batches(
    removal: Removal, keys: Sequence[Any], indivisible: str
) -> list[RemovalBatch]:
    """Save objects in batches of their own, after the others."""
    last = removal.batches.aggregate(number=Max("number"), addition=Max("addition"))
    number = ((last["number"] or 0) // NUMBER_SPACING + 1) * NUMBER_SPACING
    addition = (last["addition"] or 0) + 1
    size = len(keys) if indivisible else conf.batch_objects()
    rows = [
        {"number": number_of_batch, "frozen": [(key, "") for key in keys_of_batch]}
        for number_of_batch, keys_of_batch in numbered_batches(iter(keys), size, number=number)
    ]
    same = {"removal_id": removal.pk, "addition": addition}
    insert(RemovalBatch, rows, same=same, using=AuditEntry.objects.db)
    fill_and_halve(removal, _batches_of(removal, addition), indivisible)
    return _batches_of(removal, addition)


def _batches_of(removal: Removal, addition: int) -> list[RemovalBatch]:
    batches = list(removal.batches.filter(addition=addition).order_by("number"))
    for batch in batches:
        batch.removal = removal  # avoids a query for each
    return batches


def _exclude_refused(
    batches: Sequence[RemovalBatch],
    added: AbstractSet[Any],
    guard: Guard | None,
    refused: RefusedObjects,
) -> set[Any]:
    """Exclude the added objects that a guard refuses, and return their keys."""
    if guard is None:
        return set()
    found = refused_keys((_part_of(batch, added) for batch in batches), guard, refused)
    for batch in batches:
        if keys := found.get(batch.number):
            save_without(batch, keys)
    return {key for keys in found.values() for key in keys}


def _part_of(batch: RemovalBatch, keys: AbstractSet[Any]) -> RemovalBatch:
    """Return an unsaved copy of a batch, with only the objects that have these keys."""
    frozen = [pair for pair in batch.frozen if pair[0] in keys]
    return RemovalBatch(removal=batch.removal, number=batch.number, frozen=frozen)
