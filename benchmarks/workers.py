"""Worker processes with one request at a time, on a storage that takes 20 ms for each."""

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

KEYS_PER_POST = 2 * content.PICTURES_PER_POST
WORKERS = (1, 2, 4)
TIMEOUT_SECONDS = 600
READY = "Starting worker"  # in the log of django-tasks-db's worker


def workers(folder: Path, size: Size) -> Figures:
    """Measure the seconds from the first claim to the last erased key, with 1, 2 and 4 workers.

    One round is enough, since nearly all the time passes in the storage's sleep. Three rounds take
    six minutes.
    """
    content.make_posts(size.worker_keys // KEYS_PER_POST)
    content.fill_folder(Path(os.environ["SLOW_FILES"]), content.stored_names())
    write_identity("default")
    Post.objects.all().delete()
    # Remove the purge that the deletion has enqueued; `_seconds` enqueues one when all workers are
    # ready.
    for model in (DBTaskResult, QueueingLock):
        model.objects.all().delete()
    database.save()
    runs: dict[str, Callable[[], float]] = {
        str(number): partial(_seconds, number, folder) for number in WORKERS
    }
    seconds = medians(runs, rounds=1)
    speedups = {f"speedup_{number}": seconds["1"] / seconds[str(number)] for number in WORKERS[1:]}
    return {f"seconds_{number}": value for number, value in seconds.items()} | speedups


def _seconds(number: int, folder: Path) -> float:
    database.restore()
    logs = [folder / f"{number}-{index}.log" for index in range(number)]
    with ExitStack() as running:
        for log in logs:
            running.enter_context(worker(*DB_WORKER, log=log, env={"LOG_LEVEL": "INFO"}))
        wait_until(lambda: all(READY in log.read_text() for log in logs), what="the workers")
        with stopwatch() as watch:
            tasks.enqueue_purge()
            wait_until(_is_done, seconds=TIMEOUT_SECONDS, what="the last key")
    connection.close()
    return watch.seconds


def _is_done() -> bool:
    return not AuditEntry.objects.exclude(state=EntryState.ERASED).exists()
