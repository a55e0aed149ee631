"""Background work: a task does one batch or one batch and enqueues the next.

That way the removals of different moderators take turns. A task carries only plain data, may run
twice or never, and merely wakes a worker: the remaining work is in the database, where the
scheduler finds it (`moderation.jobs.scheduler`). At most one task is queued for each removal and
for the purge (`QueueingLock`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connection, transaction

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # type: ignore[no-redef]  # one of the two is there

from moderation.db.errors import TRANSIENT
from moderation.models import AuditEntry, Heartbeat, QueueingLock
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch

logger = logging.getLogger(__name__)

# Seconds between two signs of life of a worker whose batch, or storage, takes long.
BEAT_EVERY = 5.0
PURGE = "purge"

# The wake-ups of this thread that wait until the current one has been sent.
_sending = threading.local()


@task()
def delete_batch(removal: int, token: str) -> None:
    """Delete the next waiting batch of a removal, by its number, and go on with the one after."""
    more = False
    with _at_work(_work_of(removal), token):
        more = delete_next_batch(removal)
    if more:
        enqueue_deletion(removal)


@task()
def purge_files(token: str) -> None:
    """Purge one batch of due audit entries and go on with the next.

    Another worker is woken beforehand, to take its share of what is due.
    """
    more = False
    with _at_work(PURGE, token):
        if AuditEntry.objects.due().exists():
            enqueue_purge()
        more = purge_due_files()
    if more:
        enqueue_purge()


def enqueue_deletion(removal: int, **_: Any) -> None:
    """Have a worker begin with a removal's batches once the transaction in hand is committed."""

    def wake() -> None:
        _wake(_work_of(removal), delete_batch, removal)

    _after_commit(wake)


def enqueue_purge(**_: Any) -> None:
    """Have a worker look for due entries once the transaction in hand is committed."""

    def wake() -> None:
        _wake(PURGE, purge_files)

    _after_commit(wake)


def _work_of(removal: int) -> str:
    return f"removal {removal}"


def _after_commit(wake: Callable[[], object]) -> None:
    # Robust: a queue that is down must not undo a commit or report it as failed. Django logs the
    # `__qualname__` of a failed callback, which a function has and a partial does not.
    transaction.on_commit(wake, robust=True)


def _wake(work: str, task: Any, *args: int) -> None:
    """Enqueue a task, unless one is already queued for this work.

    A backend that runs a task immediately, inside `enqueue()`, would nest each task in the one
    before. Such a wake-up is kept until the current task has returned.
    """
    waiting: list[tuple[str, Any, tuple[int, ...]]] | None = getattr(_sending, "waiting", None)
    if waiting is not None:
        waiting.append((work, task, args))
        return
    _sending.waiting = waiting = [(work, task, args)]
    try:
        while waiting:
            _enqueue(*waiting.pop(0))
    finally:
        _sending.waiting = None


def _enqueue(work: str, task: Any, args: tuple[int, ...]) -> None:
    if not (token := QueueingLock.take(work)):
        return
    try:
        task.enqueue(*args, token)
    except Exception:  # any queue's error: nothing is queued, so the next wake-up may try
        QueueingLock.arrived(work, token)
        raise


@contextmanager
def _surviving_the_database(work: str) -> Iterator[None]:
    """End the task, but not its worker, after a transient database error.

    The scheduler finds the remaining work.
    """
    try:
        yield
    except TRANSIENT:
        logger.warning("A task ended with a database error (%s).", work, exc_info=True)
        close_old_connections()  # a broken one; the worker's next query opens another


@contextmanager
def _at_work(work: str, token: str) -> Iterator[None]:
    """Note that a wake-up arrived, and give signs of life: a storage may stall for a minute."""
    with _surviving_the_database(work):
        QueueingLock.arrived(work, token)
        Heartbeat.beat("worker")
    over = threading.Event()
    beating = threading.Thread(target=_beat_until, args=(over,), daemon=True)
    beating.start()
    try:
        with _surviving_the_database(work):
            yield
    finally:
        over.set()
        beating.join()


def _beat_until(over: threading.Event) -> None:
    try:
        while not over.wait(BEAT_EVERY):
            try:
                Heartbeat.beat("worker")
            except DatabaseTrouble:  # the work itself will report the error
                logger.warning("No sign of life could be given.", exc_info=True)
    finally:
        connection.close()  # this thread's own
