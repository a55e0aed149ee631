"""The state transitions of removals: draft, deleting, purging and done.

A draft can also be cancelled or expire, and a removal that is deleting can be stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from moderation import signals
from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import RemovalError
from moderation.lifecycle import batches, entries
from moderation.models import AuditEntry, AuditEvent, MarkedObject, Removal, RemovalBatch
from moderation.models.states import EventType, RemovalState
from moderation.redaction import ERROR_LENGTH

_waiting = RemovalBatch.objects.waiting().filter(removal=OuterRef("pk"))
_pending = AuditEntry.objects.pending().filter(removal=OuterRef("pk"))


def confirm(removal: Removal, *, actor: AbstractUser, reason: str, note: str) -> None:
    """Confirm a draft. Call this in the transaction that locked it."""
    removal.state = RemovalState.DELETING
    removal.reason, removal.note = reason, note
    removal.confirmed_at = server_time.now()
    removal.save(update_fields=["state", "reason", "note", "confirmed_at"])
    AuditEvent.record(
        EventType.CONFIRM,
        actor=actor,
        removal=removal,
        details={
            "reason": reason,
            "note": note,
            "seal": removal.seal,
            "objects": removal.objects_total,
            "files": removal.files_total,
        },
    )


def cancel(removal: Removal) -> None:
    """Cancel a draft and delete what belongs to it. Raises RemovalError if it is not a draft."""
    drafts = Removal.objects.drafts().filter(pk=removal.pk)
    if not drafts.update(state=RemovalState.CANCELLED, finished_at=DatabaseNow()):
        raise RemovalError(_("This removal is no longer a draft."))
    removal.batches.all().delete()
    removal.marked_objects.all().delete()


def expire(removals: Collection[int]) -> int:
    """Expire the drafts among some removals; return their number.

    Deletes their batches and marked objects.
    """
    drafts = Removal.objects.drafts().filter(pk__in=removals)
    expired = drafts.update(state=RemovalState.EXPIRED, finished_at=DatabaseNow())
    for model in (RemovalBatch, MarkedObject):
        rows = model._default_manager.filter(removal__in=removals)
        rows.filter(removal__state=RemovalState.EXPIRED).delete()
    return expired


def stop(removal: Removal, *, actor: AbstractUser) -> None:
    """Stop a removal after the current batch. Files of rows already deleted are still erased.

    Raises RemovalError if no batch is waiting or if the removal is not deleting.
    """
    reason = _("Stopped by %(name)s.") % {"name": actor.get_username()}
    if not removal.batches.waiting().exists():
        raise RemovalError(_("There is nothing left to stop: no batch is waiting."))
    _change(
        removal,
        actor,
        EventType.STOP,
        RemovalState.DELETING,
        {"state": RemovalState.STOPPED, "stop_reason": reason[:ERROR_LENGTH]},
    )


def stop_automatically(removal: int, *, reason: str) -> None:
    """Stop a removal, by its number, without an actor and without an event."""
    Removal.objects.deleting().filter(pk=removal).update(
        state=RemovalState.STOPPED, stop_reason=reason[:ERROR_LENGTH]
    )


def resume(removal: Removal, *, actor: AbstractUser) -> None:
    """Resume a stopped removal. Raises RemovalError if it is not stopped."""
    _change(
        removal,
        actor,
        EventType.RESUME,
        RemovalState.STOPPED,
        {"state": RemovalState.DELETING, "stop_reason": ""},
    )
    signals.batches_waiting.send(Removal, removal=removal.pk)


def retry(removal: Removal, *, actor: AbstractUser) -> None:
    """Retry what failed: failed batches wait again, and failed entries are due again.

    Raises RemovalError if nothing failed.
    """
    with transaction.atomic():
        locked = Removal.objects.select_for_update().get(pk=removal.pk)
        failed_batches = batches.retry(locked)
        failed_entries = entries.retry(AuditEntry.objects.filter(removal=locked))
        if not failed_batches and not failed_entries:
            raise RemovalError(_("Nothing in this removal has failed."))
        if locked.state in (RemovalState.PURGING, RemovalState.DONE):
            locked.state = RemovalState.DELETING if failed_batches else RemovalState.PURGING
            locked.finished_at = None
            locked.save(update_fields=["state", "finished_at"])
        AuditEvent.record(
            EventType.RETRY,
            actor=actor,
            removal=locked,
            details={"batches": failed_batches, "entries": failed_entries},
        )
    signals.batches_waiting.send(Removal, removal=removal.pk)
    signals.files_due.send(AuditEntry)


def advance(*removals: int) -> None:
    """Move removals to their next state if no batch is waiting, or no entry is pending, any more.

    Call this after the commit of a batch or of a claim, so that the last one to commit sees that
    nothing is left.
    """
    given = Removal.objects.filter(pk__in=removals)
    for removal in given.deleting().filter(~Exists(_waiting)).values_list("pk", flat=True):
        _begin_purging(removal)
    for removal in given.purging().filter(~Exists(_pending)).values_list("pk", flat=True):
        _finish(removal)


def _begin_purging(removal: int) -> None:
    """Mark a removal as purging if no batch is waiting, and make its undecided entries due.

    An entry whose file a row uses is rescheduled by `UNDECIDED` while batches are waiting, because
    one of them may delete that row. Entries that are due later keep their time: a key may be
    reserved for a row that is being saved.
    """
    with transaction.atomic():
        waiting = RemovalBatch.objects.waiting().filter(removal=removal)
        if not _has_nothing_left(removal, RemovalState.DELETING, waiting):
            return
        Removal.objects.filter(pk=removal).update(state=RemovalState.PURGING)
        undecided = AuditEntry.objects.pending().filter(
            removal=removal,
            attempts=0,
            due_at__gt=DatabaseNow(),
            due_at__lte=DatabaseNow(entries.UNDECIDED),
        )
        if undecided.update(due_at=DatabaseNow()):
            signals.files_due.send(AuditEntry)


def _finish(removal: int) -> None:
    """Mark a removal as done if no entry is pending."""
    with transaction.atomic():
        pending = AuditEntry.objects.pending().filter(removal=removal)
        if _has_nothing_left(removal, RemovalState.PURGING, pending):
            Removal.objects.filter(pk=removal).update(
                state=RemovalState.DONE, finished_at=DatabaseNow()
            )


def _has_nothing_left(removal: int, state: RemovalState, left: models.QuerySet[Any]) -> bool:
    """Lock a removal; return whether it is in that state and `left` is empty.

    This is checked again under the lock, because a retry may have added work in the meantime.
    """
    locked = Removal.objects.select_for_update().filter(pk=removal, state=state)
    return bool(locked) and not left.exists()


def _change(
    removal: Removal,
    actor: AbstractUser,
    event: EventType,
    state: RemovalState,
    changes: dict[str, Any],
) -> None:
    with transaction.atomic():
        if not Removal.objects.filter(pk=removal.pk, state=state).update(**changes):
            raise RemovalError(
                _("The removal is no longer %(state)s.") % {"state": RemovalState(state).label}
            )
        AuditEvent.record(event, actor=actor, removal=removal, details={})
