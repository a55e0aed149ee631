"""How far a removal got, and the human acts on one that runs: stop, go on, retry."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils.translation import gettext as _

from moderation import tasks
from moderation.database_time import DatabaseNow
from moderation.errors import Refused
from moderation.models import AuditEntry, AuditEvent, Removal, RemovalSlice
from moderation.models.audit import ERROR_LENGTH, THERE_AGAIN, EntryState, EventKind
from moderation.models.removal import RemovalState, SliceState

_waiting = RemovalSlice.objects.filter(removal=OuterRef("pk"), state=SliceState.WAITING)
_pending = AuditEntry.objects.filter(removal=OuterRef("pk"), state=EntryState.PENDING)


def settle(*removals: int) -> None:
    """Move removals on whose slices, or whose keys, have all come to their end.

    Call it after the commit of a slice or a batch: whoever comes last sees that nothing is left.
    """
    asked = Removal.objects.filter(pk__in=removals)
    through = asked.filter(~Exists(_waiting), state=RemovalState.DELETING)
    for removal in through.values_list("pk", flat=True):
        _begin_purging(removal)
    purged = asked.filter(~Exists(_pending), state=RemovalState.PURGING)
    for removal in purged.values_list("pk", flat=True):
        _finish(removal)


def stop(removal: Removal, *, actor: AbstractUser) -> None:
    """Stop a removal after the current slice. Files of rows already deleted are still purged.

    Raises Refused if nothing is left to stop.
    """
    because = _("stopped by %(name)s") % {"name": actor.get_username()}
    if not removal.slices.filter(state=SliceState.WAITING).exists():
        raise Refused(_("Nothing is left to stop: the last slice is deleted."))
    _change(
        removal,
        actor,
        EventKind.STOP,
        RemovalState.DELETING,
        {"state": RemovalState.STOPPED, "stopped_because": because[:ERROR_LENGTH]},
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
    tasks.wake_deleting(removal.pk)


def retry(removal: Removal, *, actor: AbstractUser) -> None:
    """Retry what failed: slices wait again, and parked keys are due again.

    Raises Refused if nothing failed.
    """
    with transaction.atomic():
        held = Removal.objects.select_for_update().get(pk=removal.pk)
        slices = held.slices.filter(state=SliceState.FAILED).update(
            state=SliceState.WAITING, error="", attempts=0, due_at=None, finished_at=None
        )
        entries = retry_entries(AuditEntry.objects.filter(removal=held))
        if not slices and not entries:
            raise Refused(_("Nothing of this removal failed."))
        if held.state in (RemovalState.PURGING, RemovalState.DONE):
            held.state = RemovalState.DELETING if slices else RemovalState.PURGING
            held.finished_at = None
            held.save(update_fields=["state", "finished_at"])
        AuditEvent.note(
            EventKind.RETRY,
            actor=actor,
            removal=held,
            details={"slices": slices, "entries": entries},
        )
    tasks.wake_deleting(removal.pk)
    tasks.wake_purging()


def retry_entries(entries: models.QuerySet[AuditEntry]) -> int:
    """Make failed entries due again with a new set of attempts; return their number.

    A removal that was done is purging again.
    """
    failed = entries.filter(state=EntryState.FAILED).exclude(error_code="BadName")
    with transaction.atomic():
        concerned = failed.order_by().values("removal").distinct()
        locked = Removal.objects.select_for_update().filter(pk__in=concerned).order_by("pk")
        removals = list(locked.values_list("pk", flat=True))  # whoever would finish one waits
        Removal.objects.filter(pk__in=removals, state=RemovalState.DONE).update(
            state=RemovalState.PURGING, finished_at=None
        )
        return failed.update(state=EntryState.PENDING, attempts=0, due_at=DatabaseNow())


def numbers(removal: Removal) -> dict[str, int]:
    """How far it got: objects deleted, gone and left alone, slices, and entries by state."""
    slices = removal.slices.aggregate(
        slices=Count("pk"),
        slices_waiting=Count("pk", filter=Q(state=SliceState.WAITING)),
        slices_failed=Count("pk", filter=Q(state=SliceState.FAILED)),
        slices_put_off=Count("pk", filter=Q(state=SliceState.WAITING, attempts__gt=0)),
        deleted=Sum("deleted_total", default=0),
    )
    entries = removal.entries.aggregate(
        entries=Count("pk"),
        **{state.value: Count("pk", filter=Q(state=state)) for state in EntryState},
    )
    return {**slices, **entries, "found_again": found_again(removal.entries.all()).count()}


def found_again(entries: models.QuerySet[AuditEntry]) -> models.QuerySet[AuditEntry]:
    """Return the entries whose key was erased and later found in storage again."""
    return entries.filter(state=EntryState.ERASED, remark=THERE_AGAIN)


def _begin_purging(removal: int) -> None:
    """No slice is left: shared keys that were put off can be decided now."""
    with transaction.atomic():
        waiting = RemovalSlice.objects.filter(removal=removal, state=SliceState.WAITING)
        if not _is_through(removal, RemovalState.DELETING, waiting):
            return
        Removal.objects.filter(pk=removal).update(state=RemovalState.PURGING)
        put_off = AuditEntry.objects.filter(
            removal=removal, state=EntryState.PENDING, attempts=0, due_at__gt=DatabaseNow()
        )
        if put_off.update(due_at=DatabaseNow()):
            tasks.wake_purging()


def _finish(removal: int) -> None:
    """No slice and no key is left: the removal is done."""
    with transaction.atomic():
        pending = AuditEntry.objects.filter(removal=removal, state=EntryState.PENDING)
        if _is_through(removal, RemovalState.PURGING, pending):
            Removal.objects.filter(pk=removal).update(
                state=RemovalState.DONE, finished_at=DatabaseNow()
            )


def _is_through(removal: int, state: RemovalState, left: models.QuerySet[Any]) -> bool:
    """Lock a removal; say whether it is in that state with nothing left to do there.

    Looked for again under the lock: a retry may have left something meanwhile.
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
                _("The removal is not %(state)s any more.") % {"state": RemovalState(state).label}
            )
        AuditEvent.note(kind, actor=actor, removal=removal, details={})
