"""The states of slices: waiting, then deleted or failed."""

from __future__ import annotations

from datetime import timedelta

from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal, RemovalSlice
from moderation.models.states import SliceState


def mark_deleted(part: RemovalSlice, *, deleted: int) -> None:
    """Record that a slice is deleted, and its objects that were gone or changed."""
    part.deleted_total = deleted
    part.state = SliceState.DELETED
    part.finished_at = server_time.now()
    part.save(update_fields=["gone", "changed", "deleted_total", "state", "finished_at"])


def put_off(part: RemovalSlice, *, pause: timedelta, error: str) -> None:
    """Count an attempt, and let a waiting slice be due again after the pause."""
    waiting = RemovalSlice.objects.waiting().filter(pk=part.pk, attempts=part.attempts)
    waiting.update(attempts=part.attempts + 1, due_at=DatabaseNow(pause), error=error)


def fail(part: RemovalSlice, *, error: str) -> bool:
    """Mark a slice as failed; return False if it was deleted, so that nothing of it failed."""
    waiting = RemovalSlice.objects.waiting().filter(pk=part.pk)
    return bool(waiting.update(state=SliceState.FAILED, error=error, finished_at=DatabaseNow()))


def retry(removal: Removal) -> int:
    """Let the failed slices of a removal wait again, and return their number."""
    return int(
        removal.slices.failed().update(
            state=SliceState.WAITING, error="", attempts=0, due_at=None, finished_at=None
        )
    )
