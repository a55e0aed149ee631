"""The draft's deeds: take an object out, look again, confirm, cancel, expire."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.translation import gettext as _

from moderation import conf, signals
from moderation.cascade.batches import fill_batch, plan_batch
from moderation.db.errors import TRANSIENT
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import DraftChanged, RemovalError, TooManyRows
from moderation.lifecycle import removals as lifecycle
from moderation.models import Removal, RemovalBatch
from moderation.models.states import Reason, RemovalState
from moderation.removals import history
from moderation.removals.delete import delete_next_batch
from moderation.removals.history import changes_since, remember
from moderation.removals.limits import blockers_of, ceilings, typed_count_needed
from moderation.removals.refused_objects import Guard, RefusedObjects
from moderation.removals.seal import (
    changed_batches,
    is_sealed,
    pages_of_batches,
    reseal,
    save_batch,
)
from moderation.templatetags.moderation_numbers import grouped

logger = logging.getLogger(__name__)

# Objects that a message names one by one; the page counts the others.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs from the preview: the keys of objects that changed or no longer exist.

    `refused` are objects that the actor may no longer remove or see. `pictures` is the number of
    pictures that the selection gained; it is negative if it lost some.
    """

    changed: tuple[Any, ...] = ()
    gone: tuple[Any, ...] = ()
    refused: RefusedObjects = field(default_factory=RefusedObjects)
    pictures: int = 0

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.refused)


def confirm(
    removal: Removal,
    *,
    actor: AbstractUser,
    seal: str,
    reason: str,
    note: str = "",
    typed_count: str | None = None,
    guard: Guard | None = None,
) -> Difference:
    """Confirm a draft if nothing changed since the preview and the actor may remove all of it.

    A draft that fits in one batch is deleted before this returns; workers delete a larger one. If
    an object or a picture changed since the freeze, or if `guard` refuses an object, nothing is
    deleted, the draft is frozen again and the difference is returned. Raises DraftChanged for a
    wrong seal, otherwise RemovalError with the reason.
    """
    _check_seal(removal, seal)
    _check_words(removal, reason, typed_count)
    if blockers := list(blockers_of(removal, actor)):
        raise RemovalError(" ".join(blockers))
    difference = refreeze_changed(removal)
    if guard is not None:
        difference = replace(difference, refused=exclude_refused(removal, guard))
    if difference:
        return difference
    _set_in_motion(removal, actor, reason, note)
    if removal.batches.count() == 1:
        _delete_at_once(removal)
    else:
        signals.batches_waiting.send(Removal, removal=removal.pk)
    return Difference()


def _delete_at_once(removal: Removal) -> None:
    """Delete the only batch. The removal stays confirmed even if the database fails."""
    try:
        delete_next_batch(removal.pk)
    except TRANSIENT:
        logger.warning("Database error: removal %s is left to workers.", removal, exc_info=True)
        signals.batches_waiting.send(Removal, removal=removal.pk)


def exclude(removal: Removal, *, seal: str, number: int, key: str) -> None:
    """Take one object out of a draft's selection. Raises DraftChanged for a wrong seal or key.

    The others stay as they were shown: what became of them since is found when it is confirmed.
    """
    _check_seal(removal, seal)
    with transaction.atomic():
        _hold_draft(removal, seal)
        if as_shown := is_sealed(removal):
            _leave_out(removal, number, key)
            remember(removal, history.EXCLUDED, [key])
        reseal(removal)
    if not as_shown:
        raise _draft_changed(removal, seal)


def refreeze_changed(removal: Removal) -> Difference:
    """Compare the whole draft with the database; freeze anew the batches that differ.

    Each batch is saved by itself, so that no transaction grows with the draft; until the end the
    seal is the old one, and whoever acts on it has to ask `is_sealed`. Raises DraftChanged where
    it stopped being the draft with this seal meanwhile: what differs then is perhaps its own work.
    """
    changed: list[Any] = []
    gone: list[Any] = []
    pictures = removal.pictures_total
    try:
        for batch, preview in changed_batches(removal):
            before, after = dict(batch.frozen), dict(preview.objects)
            gone += [key for key in before if key not in after]
            changed += [key for key in after if after[key] != before[key]]
            with transaction.atomic():
                _hold_draft(removal, removal.seal)
                save_batch(fill_batch(batch, preview))
    except TooManyRows as too_many:
        text = _("The selection has grown too large. Select the objects again.")
        raise RemovalError(text) from too_many
    except RemovalBatch.DoesNotExist as gone_meanwhile:
        raise _draft_changed(removal, removal.seal) from gone_meanwhile
    if changed or gone:
        with transaction.atomic():
            _hold_draft(removal, removal.seal)
            for what, keys in ((history.CHANGED, changed), (history.GONE, gone)):
                if keys:
                    remember(removal, what, keys)
            reseal(removal)
    more = removal.pictures_total - pictures
    return Difference(tuple(changed), tuple(gone), pictures=more)


def exclude_refused(removal: Removal, guard: Guard) -> RefusedObjects:
    """Exclude from a draft what a guard refuses; the other objects stay as they were frozen.

    Works on a page of batches at a time and saves each batch separately, so that neither memory nor
    a transaction grows with the draft. Seals the draft again if anything was excluded. Raises
    DraftChanged if it is no longer the draft with this seal.
    """
    refused, keys = RefusedObjects(), list[Any]()
    for batches in pages_of_batches(removal):
        objections = guard(batches)
        for batch in (batch for batch in batches if objections.get(batch.number)):
            objected = objections[batch.number]
            if objected.keys() - {key for key, _digest in batch.frozen}:
                raise RemovalError(_("An object that you may not remove could not be excluded."))
            refused.add(list(objected.values()))
            keys += list(objected)[: history.NAMED]
            with transaction.atomic():
                _hold_draft(removal, removal.seal)
                _save_without(batch, objected.keys())
    if refused:
        with transaction.atomic():
            _hold_draft(removal, removal.seal)
            remember(removal, history.REFUSED, keys, total=refused.total)
            reseal(removal)
    return refused


def expire_drafts() -> int:
    """Expire drafts that were not confirmed in time; return their number."""
    oldest = DatabaseNow(-timedelta(hours=conf.draft_hours()))
    old = Removal.objects.drafts().filter(created_at__lt=oldest)
    return lifecycle.expire(list(old.values_list("pk", flat=True)[:100]))


def _check_seal(removal: Removal, seal: str) -> None:
    if removal.state != RemovalState.DRAFT:
        raise DraftChanged(_("This removal is no longer a draft."))
    if not removal.seal or seal != removal.seal:
        raise _draft_changed(removal, seal)


def _draft_changed(removal: Removal, seal: str) -> DraftChanged:
    if changes := changes_since(removal, seal):
        says = _("The selection changed since you opened this page: %(changes)s. Review it again.")
        return DraftChanged(says % {"changes": "; ".join(changes)})
    return DraftChanged(
        _("The selection changed, perhaps in another tab. Review it again before you confirm.")
    )


def _check_words(removal: Removal, reason: str, typed_count: str | None) -> None:
    if reason not in Reason.values:
        raise RemovalError(_("Choose a reason."))
    if typed_count_needed(removal) and (typed_count or "").strip() != str(removal.objects_total):
        raise RemovalError(
            _("Type the number of objects, %(count)s, to confirm.")
            % {"count": grouped(removal.objects_total)}
        )


def _hold_draft(removal: Removal, seal: str) -> None:
    """Lock the removal, and see under the lock that it is still the draft that was shown."""
    held = Removal.objects.select_for_update().get(pk=removal.pk)
    _check_seal(held, seal)


def _leave_out(removal: Removal, number: int, key: str) -> None:
    """Save a batch without one of its objects. Raises DraftChanged if it does not contain it."""
    batch = removal.batches.filter(number=number).first()
    named = {each[0] for each in batch.frozen if str(each[0]) == key} if batch else set()
    if batch is None or not named:
        raise DraftChanged(_("That object is no longer in this selection."))
    _save_without(batch, named)


def _save_without(batch: RemovalBatch, keys: AbstractSet[Any]) -> None:
    """Save a batch without some of its objects. Counts are updated, digests stay as shown."""
    batch.frozen = left = [each for each in batch.frozen if each[0] not in keys]
    save_batch(fill_batch(batch, replace(plan_batch(batch).preview(), objects=left)))


def _set_in_motion(removal: Removal, actor: AbstractUser, reason: str, note: str) -> None:
    with transaction.atomic():
        # One at a time for each moderator: two at once would not count each other.
        get_user_model()._base_manager.select_for_update(no_key=True).get(pk=actor.pk)
        _hold_draft(removal, removal.seal)
        if as_shown := is_sealed(removal):
            _put_down(removal, actor, reason, note)
        else:
            reseal(removal)
    if not as_shown:  # raised inside, it would undo the new seal
        raise _draft_changed(removal, removal.seal)


def _put_down(removal: Removal, actor: AbstractUser, reason: str, note: str) -> None:
    """Write the confirmation down. Raises RemovalError where a ceiling is exceeded by now."""
    if exceeded := list(ceilings(removal, actor)):
        raise RemovalError(" ".join(exceeded))
    lifecycle.confirm(removal, actor=actor, reason=reason, note=note)
