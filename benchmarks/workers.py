"""Real worker processes on a storage that takes 20 ms a request, one request at a time in each."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from django.db import connection
from django_tasks_db.models import DBTaskResult

from benchmarks import content, database
from benchmarks.measure import medians, stopwatch
from benchmarks.sizes import Size
from moderation.jobs import tasks
from moderation.models import AuditEntry, QueueingLock
from moderation.models.states import EntryState
from moderation.storage import write_identity
from posts.models import Post
from tests.services.processes import wait_until
from tests.services.workers import DB_WORKER, worker

Figures = dict[str, float]

KEYS_A_POST = 2 * content.PICTURES_A_POST
WORKERS = (1, 2, 4)
LONGEST = 600  # seconds until a run counts as stuck
READY = "Starting worker"


def workers(place: Path, size: Size) -> Figures:
    """Seconds from the first claim to the last key erased, with 1, 2 and 4 workers.

    A single round: the storage's sleep decides, and three would take six minutes.
    """
    content.make_posts(size.worker_keys // KEYS_A_POST)
    content.fill_folder(Path(os.environ["SLOW_FILES"]), content.stored_names())
    write_identity("default")
    Post.objects.all().delete()
    for woken in (DBTaskResult, QueueingLock):  # by that deletion; here all workers begin together
        woken.objects.all().delete()
    database.save()
    runs: dict[str, Callable[[], float]] = {
        str(number): partial(_seconds, number, place) for number in WORKERS
    }
    seconds = medians(runs, rounds=1)
    times = {f"times_{number}": seconds["1"] / seconds[str(number)] for number in WORKERS[1:]}
    return {f"seconds_{number}": value for number, value in seconds.items()} | times


def _seconds(number: int, place: Path) -> float:
    database.restore()
    logs = [place / f"{number}-{each}.log" for each in range(number)]
    with ExitStack() as running:
        for log in logs:
            running.enter_context(worker(*DB_WORKER, log=log, env={"LOG_LEVEL": "INFO"}))
        wait_until(lambda: all(READY in log.read_text() for log in logs), what="the workers")
        with stopwatch() as watch:
            tasks.enqueue_purge()
            wait_until(_is_done, seconds=LONGEST, what="the last key")
    connection.close()
    return watch.seconds


def _is_done() -> bool:
    return not AuditEntry.objects.exclude(state=EntryState.ERASED).exists()
