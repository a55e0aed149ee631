"""The actions on a draft: freeze changed batches again, exclude refused objects, confirm, expire.

`moderation.removals.keep` excludes objects that the moderator keeps, and returns them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.translation import gettext as _

from moderation import conf, signals
from moderation.cascade import Preview
from moderation.cascade.batches import fill_batch
from moderation.db import server_time
from moderation.db.errors import TRANSIENT
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import RemovalError, TooManyRows
from moderation.lifecycle import removals as lifecycle
from moderation.models import Removal, RemovalBatch
from moderation.models.states import Reason
from moderation.removals import history
from moderation.removals.check_first import (
    check_decided,
    delete_marks,
    lock_sealed_draft,
    mark_and_reseal,
)
from moderation.removals.delete import delete_next_batch
from moderation.removals.file_changes import FileChange, file_change
from moderation.removals.keep import reduce_selection
from moderation.removals.limits import (
    MAX_NAMED,
    blockers_of,
    ceilings,
    lock_actor,
    typed_count_needed,
)
from moderation.removals.refused_objects import Guard, RefusedObjects, refused_keys
from moderation.removals.seal import (
    changed_batches,
    check_seal,
    chunks_of_batches,
    draft_changed,
    is_sealed,
    lock_draft,
    save_batch,
    save_without,
)
from moderation.templatetags.moderation_numbers import grouped

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs from the preview: the keys of objects that changed or were deleted.

    `file_changes` says what changed in the first MAX_NAMED of the changed objects. `refused` are
    the objects that the actor may no longer remove or view. `pictures` is the number of pictures by
    which the selection grew; it is negative if the selection shrank.
    """

    changed: tuple[Any, ...] = ()
    deleted: tuple[Any, ...] = ()
    refused: RefusedObjects = field(default_factory=RefusedObjects)
    pictures: int = 0
    file_changes: Mapping[Any, FileChange] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.deleted or self.refused)


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

    If the draft has one batch, deletes its objects immediately; otherwise workers delete them. If
    an object or a picture changed since the freeze, or if `guard` refuses an object, deletes
    nothing, freezes the draft again and returns the difference. Raises DraftChanged if the seal is
    out of date, and RemovalError if anything else prevents the confirmation, such as the draft's
    age or marked objects that have not been reviewed.
    """
    check_seal(removal, seal)
    _check_age(removal)
    _check_input(removal, reason, typed_count)
    if blockers := list(blockers_of(removal, actor)):
        raise RemovalError(" ".join(blockers))
    with lock_sealed_draft(removal):
        check_decided(removal)
    difference = refreeze_changed(removal)
    if guard is not None:
        difference = replace(difference, refused=exclude_refused(removal, guard))
    if difference:
        return difference
    _confirm_sealed(removal, actor, reason, note)
    if removal.batches.count() == 1:
        _delete_only_batch(removal)
    else:
        signals.batches_waiting.send(Removal, removal=removal.pk)
    return Difference()


def _delete_only_batch(removal: Removal) -> None:
    """Delete the only batch of a removal, or leave it to workers if the database fails."""
    try:
        delete_next_batch(removal.pk)
    except TRANSIENT:
        logger.warning("Database error. Workers will delete removal %s.", removal, exc_info=True)
        signals.batches_waiting.send(Removal, removal=removal.pk)


def store_input(removal: Removal, *, reason: str | None, note: str | None) -> None:
    """Store what was entered on the page of a draft. None changes nothing."""
    given = {"reason": reason, "note": note}.items()
    values = {name: value for name, value in given if value is not None}
    if values and Removal.objects.drafts().filter(pk=removal.pk).update(**values):
        for name, value in values.items():
            setattr(removal, name, value)


def refreeze_changed(removal: Removal) -> Difference:
    """Freeze the batches of a draft that differ from the database again; return the difference.

    Saves each batch in a separate transaction, so that no transaction grows with the draft. The
    draft has its old seal until all are saved, so code that acts on a draft must check `is_sealed`.
    Raises DraftChanged if the draft has another seal or was confirmed in the meantime: its own
    deletions may be the difference. Raises RemovalError if a batch has become too large for one
    transaction.
    """
    changed: list[Any] = []
    deleted: list[Any] = []
    file_changes: dict[Any, FileChange] = {}
    pictures_before = removal.pictures_total
    try:
        for batch, preview in changed_batches(removal):
            before, after = dict(batch.frozen), dict(preview.objects)
            deleted += [key for key in before if key not in after]
            changed_here = [key for key in after if after[key] != before[key]]
            named = changed_here[: MAX_NAMED - len(file_changes)]
            file_changes |= {key: _file_change(batch, preview, key) for key in named}
            changed += changed_here
            with transaction.atomic():
                lock_draft(removal, removal.seal)
                save_batch(fill_batch(batch, preview))
    except TooManyRows as too_many:
        text = _("The selection has grown too large. Select the objects again.")
        raise RemovalError(text) from too_many
    except RemovalBatch.DoesNotExist as batch_deleted:
        raise draft_changed(removal, removal.seal) from batch_deleted
    if changed or deleted:
        mark_and_reseal(removal, {history.CHANGED: changed, history.DELETED: deleted})
    more_pictures = removal.pictures_total - pictures_before
    return Difference(
        tuple(changed), tuple(deleted), pictures=more_pictures, file_changes=file_changes
    )


def _file_change(batch: RemovalBatch, preview: Preview, key: Any) -> FileChange:
    before, after = batch.fingerprints, preview.fingerprints
    return file_change(before.get(str(key), ""), after.get(str(key), ""))


def exclude_refused(removal: Removal, guard: Guard) -> RefusedObjects:
    """Exclude the objects that a guard refuses from a draft, and return them.

    The other objects stay frozen. Works on a few batches at a time and seals the draft again each
    time, as a Keep does, so that neither memory nor a transaction grows with the draft. Raises
    DraftChanged if the seal is out of date, or if another request has saved batches without sealing
    the draft, and RemovalError if the guard refuses an object that is not in its batch.
    """
    refused = RefusedObjects()
    for batches in chunks_of_batches(removal):
        if keys_by_batch := refused_keys(batches, guard, refused):
            act = partial(_exclude_from, removal, batches, keys_by_batch)
            reduce_selection(removal, history.REFUSED, act)
    return refused


def _exclude_from(
    removal: Removal, batches: Sequence[RemovalBatch], refused: Mapping[int, AbstractSet[Any]]
) -> list[Any]:
    """Exclude the refused objects from their batches, and return their keys."""
    excluded: list[Any] = []
    for batch in (batch for batch in batches if batch.number in refused):
        keys = refused[batch.number]
        if keys - {key for key, _digest in batch.frozen}:
            raise RemovalError(_("An object that you may not remove cannot be excluded."))
        save_without(batch, keys)
        excluded += keys
    delete_marks(removal, excluded)
    return excluded


def expire_drafts() -> int:
    """Expire drafts that were not confirmed in time, at most 100; return their number."""
    oldest = DatabaseNow(-timedelta(hours=conf.draft_hours()))
    old = Removal.objects.drafts().filter(created_at__lt=oldest)
    return lifecycle.expire(list(old.values_list("pk", flat=True)[:100]))


def _check_age(removal: Removal) -> None:
    """Raise RemovalError if a draft is due to expire, although the scheduler has not run since."""
    if removal.created_at < server_time.now() - timedelta(hours=conf.draft_hours()):
        raise RemovalError(_("This draft has expired. Select the objects again."))


def _check_input(removal: Removal, reason: str, typed_count: str | None) -> None:
    if reason not in Reason.values:
        raise RemovalError(_("Choose a reason."))
    if typed_count_needed(removal) and (typed_count or "").strip() != str(removal.objects_total):
        raise RemovalError(
            _("Type the number of objects, %(count)s, to confirm.")
            % {"count": grouped(removal.objects_total)}
        )


def _confirm_sealed(removal: Removal, actor: AbstractUser, reason: str, note: str) -> None:
    """Confirm a draft, or mark and seal it again and raise DraftChanged if it is not sealed.

    Raises RemovalError if a ceiling has been reached, or a review undone, in the meantime.
    """
    with transaction.atomic():
        lock_actor(actor)
        lock_draft(removal, removal.seal)
        if was_sealed := is_sealed(removal):
            check_decided(removal)  # a review may have been undone since the first check
            _confirm_within_ceilings(removal, actor, reason, note)
    if not was_sealed:  # outside the transaction, because the rules read the whole selection
        seal = removal.seal
        mark_and_reseal(removal)
        raise draft_changed(removal, seal)


def _confirm_within_ceilings(removal: Removal, actor: AbstractUser, reason: str, note: str) -> None:
    if exceeded := list(ceilings(removal, actor)):
        raise RemovalError(" ".join(exceeded))
    removal.batches.filter(objects_total=0).delete()  # all of their objects were kept
    lifecycle.confirm(removal, actor=actor, reason=reason, note=note)
