"""Background work: one task does one slice or one batch and enqueues the next.

That way the removals of different moderators take turns. A task carries plain data only, may run
twice or never, and is no more than a wake-up: what is left to do stands in the database, and the
clock finds it (`moderation.clock`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import django
from django.db import transaction

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # type: ignore[no-redef]  # one of the two is there

from moderation.models.heartbeat import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable


@task()
def delete_a_slice(removal: int) -> None:
    """Delete the next waiting slice of a removal, by its number, and go on with the one after."""
    from moderation.removal.delete import delete_next_slice  # imports the receivers' rooms

    Heartbeat.beat("worker")
    if delete_next_slice(removal):
        delete_a_slice.enqueue(removal)


@task()
def purge_a_batch() -> None:
    """Purge one batch of due audit entries and go on with the next."""
    from moderation.purge.batch import purge_batch  # imports the receivers' rooms

    Heartbeat.beat("worker")
    if purge_batch():
        purge_a_batch.enqueue()


def wake_deleting(removal: int) -> None:
    """Have a worker begin with a removal's slices once the transaction in hand is committed."""
    _after_commit(partial(delete_a_slice.enqueue, removal))


def wake_purging() -> None:
    """Have a worker look for due entries once the transaction in hand is committed."""
    _after_commit(purge_a_batch.enqueue)


def _after_commit(wake: Callable[[], object]) -> None:
    # Robust: a queue that is down must not undo, or report as failed, what was committed.
    transaction.on_commit(wake, robust=True)
