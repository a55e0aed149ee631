"""The state transitions of batches: from waiting to deleted or failed, and back on a retry."""

from __future__ import annotations

from datetime import timedelta

from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal, RemovalBatch
from moderation.models.states import BatchState


def mark_deleted(batch: RemovalBatch, *, deleted: int) -> None:
    """Mark a batch as deleted, and save its lists of missing and changed objects.

    `deleted` is the number of objects that were deleted.
    """
    batch.deleted_total = deleted
    batch.state = BatchState.DELETED
    batch.finished_at = server_time.now()
    batch.save(
        update_fields=["already_deleted", "changed", "deleted_total", "state", "finished_at"]
    )


def reschedule(batch: RemovalBatch, *, pause: timedelta, error: str) -> None:
    """Count a failed attempt, and make a waiting batch due again after the pause."""
    waiting = RemovalBatch.objects.waiting().filter(pk=batch.pk, attempts=batch.attempts)
    waiting.update(attempts=batch.attempts + 1, due_at=DatabaseNow(pause), error=error)


def mark_failed(batch: RemovalBatch, *, error: str) -> bool:
    """Mark a waiting batch as failed. Return False, and change nothing, if it is not waiting."""
    waiting = RemovalBatch.objects.waiting().filter(pk=batch.pk)
    return bool(waiting.update(state=BatchState.FAILED, error=error, finished_at=DatabaseNow()))


def retry(removal: Removal) -> int:
    """Make the failed batches of a removal wait again, and return their number."""
    return int(
        removal.batches.failed().update(
            state=BatchState.WAITING, error="", attempts=0, due_at=None, finished_at=None
        )
    )
