"""Background work: one task does one slice or one batch and enqueues the next.

That way the removals of different moderators take turns. A task carries plain data only, may run
twice or never, and is no more than a wake-up: what is left to do stands in the database, and the
clock finds it (`moderation.clock`). For each removal, and for the purge, one wake-up is on its way
at most (`WakeUp`).
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

from moderation.database_errors import TRANSIENT
from moderation.models.heartbeat import Heartbeat
from moderation.models.wake_up import WakeUp

logger = logging.getLogger(__name__)

# Seconds between two signs of life of a worker whose slice, or storage, takes long.
BEAT_EVERY = 5.0
PURGE = "purge"

# Of this thread: the wake-ups that wait for the one that is being sent.
_sending = threading.local()


@task()
def delete_a_slice(removal: int, token: str) -> None:
    """Delete the next waiting slice of a removal, by its number, and go on with the one after."""
    from moderation.removal.delete import delete_next_slice  # imports the receivers' rooms

    more = False
    with _at_work(_work_of(removal), token):
        more = delete_next_slice(removal)
    if more:
        wake_deleting(removal)


@task()
def purge_a_batch(token: str) -> None:
    """Purge one batch of due audit entries and go on with the next.

    Another worker is woken beforehand, to take its share of what is due.
    """
    from moderation.purge.batch import purge_batch  # imports the receivers' rooms
    from moderation.purge.claim import due_entries

    more = False
    with _at_work(PURGE, token):
        if due_entries().exists():
            wake_purging()
        more = purge_batch()
    if more:
        wake_purging()


def wake_deleting(removal: int) -> None:
    """Have a worker begin with a removal's slices once the transaction in hand is committed."""

    def wake() -> None:
        _wake(_work_of(removal), delete_a_slice, removal)

    _after_commit(wake)


def wake_purging() -> None:
    """Have a worker look for due entries once the transaction in hand is committed."""

    def wake() -> None:
        _wake(PURGE, purge_a_batch)

    _after_commit(wake)


def _work_of(removal: int) -> str:
    return f"removal {removal}"


def _after_commit(wake: Callable[[], object]) -> None:
    # Robust: a queue that is down must not undo, or report as failed, what was committed. Django
    # logs the `__qualname__` of what failed, so it has to be a function: a partial has none.
    transaction.on_commit(wake, robust=True)


def _wake(work: str, task: Any, *args: int) -> None:
    """Enqueue a task, unless one is on its way for this work.

    A backend that runs a task at once, inside `enqueue()`, would run each next task inside the one
    before. Such a wake-up is kept until the task has returned.
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
    if not (token := WakeUp.take(work)):
        return
    try:
        task.enqueue(*args, token)
    except Exception:  # any queue's error: nothing is on its way, and the next one may try
        WakeUp.arrived(work, token)
        raise


@contextmanager
def _surviving_the_database(work: str) -> Iterator[None]:
    """End a task, not its worker, for an error of the database that may pass.

    What is left to do is found by the clock.
    """
    try:
        yield
    except TRANSIENT:
        logger.warning("The database broke off a task (%s).", work, exc_info=True)
        close_old_connections()  # one that broke; the worker's next query opens another


@contextmanager
def _at_work(work: str, token: str) -> Iterator[None]:
    """Note that a wake-up arrived, and give signs of life: a storage may stall for a minute."""
    with _surviving_the_database(work):
        WakeUp.arrived(work, token)
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
            except DatabaseTrouble:  # the work itself will say what is wrong
                logger.warning("No sign of life could be given.", exc_info=True)
    finally:
        connection.close()  # this thread's own
