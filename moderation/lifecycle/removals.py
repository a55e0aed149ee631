"""The states of removals: draft, deleting, stopped, purging, done; or cancelled, or expired."""

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
from moderation.exceptions import Refused
from moderation.lifecycle import entries, slices
from moderation.models import AuditEntry, AuditEvent, Removal, RemovalSlice
from moderation.models.states import EventKind, RemovalState
from moderation.redaction import ERROR_LENGTH

_waiting = RemovalSlice.objects.waiting().filter(removal=OuterRef("pk"))
_pending = AuditEntry.objects.pending().filter(removal=OuterRef("pk"))


def confirm(removal: Removal, *, actor: AbstractUser, reason: str, note: str) -> None:
    """Confirm a draft that the caller has locked, in the caller's transaction."""
    removal.state = RemovalState.DELETING
    removal.reason, removal.note = reason, note
    removal.confirmed_at = server_time.now()
    removal.save(update_fields=["state", "reason", "note", "confirmed_at"])
    AuditEvent.note(
        EventKind.CONFIRM,
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
    """Cancel a draft and delete its slices. Raises Refused if it is not a draft."""
    drafts = Removal.objects.drafts().filter(pk=removal.pk)
    if not drafts.update(state=RemovalState.CANCELLED, finished_at=DatabaseNow()):
        raise Refused(_("This removal is no longer a draft."))
    removal.slices.all().delete()


def expire(removals: Collection[int]) -> int:
    """Expire the removals that are drafts, delete their slices, and return their number."""
    drafts = Removal.objects.drafts().filter(pk__in=removals)
    expired = drafts.update(state=RemovalState.EXPIRED, finished_at=DatabaseNow())
    RemovalSlice.objects.filter(removal__in=removals, removal__state=RemovalState.EXPIRED).delete()
    return expired


def stop(removal: Removal, *, actor: AbstractUser) -> None:
    """Stop a removal after the current slice. Files of rows already deleted are still purged.

    Raises Refused if nothing is left to stop.
    """
    because = _("stopped by %(name)s") % {"name": actor.get_username()}
    if not removal.slices.waiting().exists():
        raise Refused(_("Nothing is left to stop: the last batch is deleted."))
    _change(
        removal,
        actor,
        EventKind.STOP,
        RemovalState.DELETING,
        {"state": RemovalState.STOPPED, "stopped_because": because[:ERROR_LENGTH]},
    )


def stop_because(removal: int, because: str) -> None:
    """Stop a removal, by its number, without anybody having asked for it."""
    Removal.objects.deleting().filter(pk=removal).update(
        state=RemovalState.STOPPED, stopped_because=because[:ERROR_LENGTH]
    )


def go_on(removal: Removal, *, actor: AbstractUser) -> None:
    """Resume a stopped removal. Raises Refused if it is not stopped."""
    _change(
        removal,
        actor,
        EventKind.GO_ON,
        RemovalState.STOPPED,
        {"state": RemovalState.DELETING, "stopped_because": ""},
    )
    signals.batches_waiting.send(Removal, removal=removal.pk)


def retry(removal: Removal, *, actor: AbstractUser) -> None:
    """Retry what failed: slices wait again, and failed entries are due again.

    Raises Refused if nothing failed.
    """
    with transaction.atomic():
        held = Removal.objects.select_for_update().get(pk=removal.pk)
        failed_slices = slices.retry(held)
        failed_entries = entries.retry(AuditEntry.objects.filter(removal=held))
        if not failed_slices and not failed_entries:
            raise Refused(_("Nothing of this removal failed."))
        if held.state in (RemovalState.PURGING, RemovalState.DONE):
            held.state = RemovalState.DELETING if failed_slices else RemovalState.PURGING
            held.finished_at = None
            held.save(update_fields=["state", "finished_at"])
        AuditEvent.note(
            EventKind.RETRY,
            actor=actor,
            removal=held,
            details={"slices": failed_slices, "entries": failed_entries},
        )
    signals.batches_waiting.send(Removal, removal=removal.pk)
    signals.files_due.send(AuditEntry)


def settle(*removals: int) -> None:
    """Move removals on whose slices, or whose keys, have all come to their end.

    Call it after the commit of a slice or a batch: whoever comes last sees that nothing is left.
    """
    asked = Removal.objects.filter(pk__in=removals)
    for removal in asked.deleting().filter(~Exists(_waiting)).values_list("pk", flat=True):
        _begin_purging(removal)
    for removal in asked.purging().filter(~Exists(_pending)).values_list("pk", flat=True):
        _finish(removal)


def _begin_purging(removal: int) -> None:
    """No slice is left: shared keys that were put off can be decided now."""
    with transaction.atomic():
        waiting = RemovalSlice.objects.waiting().filter(removal=removal)
        if not _is_through(removal, RemovalState.DELETING, waiting):
            return
        Removal.objects.filter(pk=removal).update(state=RemovalState.PURGING)
        put_off = AuditEntry.objects.pending().filter(
            removal=removal, attempts=0, due_at__gt=DatabaseNow()
        )
        if put_off.update(due_at=DatabaseNow()):
            signals.files_due.send(AuditEntry)


def _finish(removal: int) -> None:
    """No slice and no key is left: the removal is done."""
    with transaction.atomic():
        pending = AuditEntry.objects.pending().filter(removal=removal)
        if _is_through(removal, RemovalState.PURGING, pending):
            Removal.objects.filter(pk=removal).update(
                state=RemovalState.DONE, finished_at=DatabaseNow()
            )


def _is_through(removal: int, state: RemovalState, left: models.QuerySet[Any]) -> bool:
    """Lock a removal; return whether it is in that state with nothing left to do there.

    Checked again under the lock, because a retry may have added work in the meantime.
    """
    held = Removal.objects.select_for_update().filter(pk=removal, state=state)
    return bool(held) and not left.exists()


def _change(
    removal: Removal,
    actor: AbstractUser,
    kind: EventKind,
    state: RemovalState,
    changes: dict[str, Any],
) -> None:
    with transaction.atomic():
        if not Removal.objects.filter(pk=removal.pk, state=state).update(**changes):
            raise Refused(
                _("The removal is no longer %(state)s.") % {"state": RemovalState(state).label}
            )
        AuditEvent.note(kind, actor=actor, removal=removal, details={})
