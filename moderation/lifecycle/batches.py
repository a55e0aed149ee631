"""The states of batches: waiting, then deleted or failed."""

from __future__ import annotations

from datetime import timedelta

from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal, RemovalBatch
from moderation.models.states import BatchState


def mark_deleted(batch: RemovalBatch, *, deleted: int) -> None:
    """Record that a batch is deleted, and its objects that were gone or changed."""
    batch.deleted_total = deleted
    batch.state = BatchState.DELETED
    batch.finished_at = server_time.now()
    batch.save(update_fields=["gone", "changed", "deleted_total", "state", "finished_at"])


def reschedule(batch: RemovalBatch, *, pause: timedelta, error: str) -> None:
    """Count an attempt, and let a waiting batch be due again after the pause."""
    waiting = RemovalBatch.objects.waiting().filter(pk=batch.pk, attempts=batch.attempts)
    waiting.update(attempts=batch.attempts + 1, due_at=DatabaseNow(pause), error=error)


def fail(batch: RemovalBatch, *, error: str) -> bool:
    """Mark a batch as failed; return False if it was deleted, so that nothing of it failed."""
    waiting = RemovalBatch.objects.waiting().filter(pk=batch.pk)
    return bool(waiting.update(state=BatchState.FAILED, error=error, finished_at=DatabaseNow()))


def retry(removal: Removal) -> int:
    """Let the failed batches of a removal wait again, and return their number."""
    return int(
        removal.batches.failed().update(
            state=BatchState.WAITING, error="", attempts=0, due_at=None, finished_at=None
        )
    )
