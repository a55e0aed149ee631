"""Background tasks: each deletes one batch or purges for a few seconds, then enqueues the next.

That way the removals of different moderators alternate. A task carries only plain data and may run
twice or never: the work itself is in the database, where the scheduler finds it again
(`moderation.jobs.scheduler`). A task is not enqueued while one for the same removal, or for the
purge, is queued (`QueueingLock`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django
from django.db import close_old_connections, transaction

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # type: ignore[no-redef]  # one of the two is installed

from moderation.db.errors import TRANSIENT
from moderation.models import AuditEntry, Heartbeat, QueueingLock
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch

logger = logging.getLogger(__name__)

PURGE = "purge"

# The tasks of this thread that are enqueued once the current call of `enqueue()` has returned.
_enqueueing = threading.local()


@task()
def delete_batch(removal: int) -> None:
    """Delete the next due batch of a removal; if more are due, enqueue this task again."""
    more = False
    with _running(_work_of(removal)):
        more = delete_next_batch(removal)
    if more:
        enqueue_deletion(removal)


@task()
def purge_files() -> None:
    """Purge due audit entries for a few seconds; enqueue the next task if more may be due.

    Before that, enqueue another task, so that several workers share the work.
    """
    more = False
    with _running(PURGE):
        if AuditEntry.objects.due().exists():
            enqueue_purge()
        more = purge_due_files(after_write=partial(record_heartbeat, "worker"))
    if more:
        enqueue_purge()


def enqueue_deletion(removal: int, **_: Any) -> None:
    """Enqueue the task for a removal's batches when the current transaction commits."""

    def enqueue() -> None:
        _enqueue_once(_work_of(removal), delete_batch, removal)

    _on_commit(enqueue)


def enqueue_purge(**_: Any) -> None:
    """Enqueue the task for due entries when the current transaction commits."""

    def enqueue() -> None:
        _enqueue_once(PURGE, purge_files)

    _on_commit(enqueue)


def _work_of(removal: int) -> str:
    return f"removal {removal}"


def _on_commit(enqueue: Callable[[], object]) -> None:
    # Robust: a queue that is down must not undo a commit or report it as failed. Django logs the
    # `__qualname__` of a failed callback, which a function has and a partial does not.
    transaction.on_commit(enqueue, robust=True)


def _enqueue_once(work: str, task: Any, *args: int) -> None:
    """Enqueue a task, unless one is already queued for this work.

    A backend that runs tasks immediately, inside `enqueue()`, would nest each task in the previous
    one. So a task that is enqueued by such a task waits until that has returned.
    """
    waiting: list[tuple[str, Any, tuple[int, ...]]] | None = getattr(_enqueueing, "waiting", None)
    if waiting is not None:
        waiting.append((work, task, args))
        return
    _enqueueing.waiting = waiting = [(work, task, args)]
    try:
        while waiting:
            _enqueue_with_lock(*waiting.pop(0))
    finally:
        _enqueueing.waiting = None


def _enqueue_with_lock(work: str, task: Any, args: tuple[int, ...]) -> None:
    if not QueueingLock.acquire(work):
        return
    try:
        task.enqueue(*args)
    except Exception:  # a queue may raise anything; nothing is queued, so others may try again
        QueueingLock.release(work)
        raise


def record_heartbeat(process: str) -> None:
    """Record a heartbeat of a "worker" or the "scheduler", without ending its work on an error."""
    with _tolerating_database_errors(f"heartbeat of the {process}"):
        Heartbeat.beat(process)


@contextmanager
def _running(work: str) -> Iterator[None]:
    """Release the queueing lock and record a heartbeat, then run the body of a task."""
    with _tolerating_database_errors(work):
        QueueingLock.release(work)
    record_heartbeat("worker")
    with _tolerating_database_errors(work):
        yield


@contextmanager
def _tolerating_database_errors(work: str) -> Iterator[None]:
    """Log a transient database error instead of raising it, which would end the worker.

    The scheduler finds the remaining work.
    """
    try:
        yield
    except TRANSIENT:
        logger.warning("Transient database error (%s).", work, exc_info=True)
        close_old_connections()  # closes a broken one; the worker's next query opens another
