"""Two workers on one removal: each slice and each key handled once. And how a worker stops.

WORKER_ROUNDS makes it longer: see `make faults`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django_tasks_db.models import DBTaskResult

from moderation.models import AuditEntry, Removal
from posts.models import Post
from tests.faults.conftest import GOOD_POSTS, MakeWave, Wave
from tests.faults.places import Place
from tests.parts.processes import wait_until
from tests.parts.workers import DB_WORKER, worker

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("WORKER_ROUNDS", "2"))
POSTS = 200
SLICE = 10
# Many batches, so that the workers meet often.
MANY_BATCHES = {"MODERATION_BATCH_KEYS": "10", "MODERATION_REQUESTS": "1", "LOG_LEVEL": "INFO"}
LONGEST_WAIT = 60


@pytest.fixture
def wave(place: Place, make_wave: MakeWave, settings: object) -> Wave:
    settings.MODERATION_SLICE_OBJECTS = SLICE  # type: ignore[attr-defined]
    return make_wave(POSTS, place)


def is_done(removal: Removal) -> bool:
    return Removal.objects.filter(pk=removal.pk, state="done").exists()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_workers_handle_each_slice_and_each_key_once(
    number: int, wave: Wave, tmp_path: Path
) -> None:
    env = MANY_BATCHES | wave.place.environment()
    one = worker(*DB_WORKER, log=tmp_path / "one", env=env)
    two = worker(*DB_WORKER, log=tmp_path / "two", env=env)
    with one, two:
        removal = wave.remove()
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({tmp_path})")
    assert wave.problems(removal) == []
    assert [part.deleted_total for part in removal.slices.all()] == [SLICE] * (POSTS // SLICE)
    tries = AuditEntry.objects.filter(removal=removal).values_list("state", "attempts").distinct()
    assert set(tries) == {("erased", 1), ("kept", 0)}
    assert Post.objects.count() == GOOD_POSTS
    assert not DBTaskResult.objects.failed().exists()
    assert DBTaskResult.objects.values("worker_ids").distinct().count() >= 2  # both took part


@contextmanager
def all_writing_held_up() -> Iterator[None]:
    """Have every slice wait until this is left."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE moderation_removalslice")
        yield


def test_stop_signal_lets_a_worker_finish_the_slice_in_hand(wave: Wave, tmp_path: Path) -> None:
    removal = wave.remove()
    log = tmp_path / "worker"
    running = DBTaskResult.objects.running()
    with worker(*DB_WORKER, log=log, env=wave.place.environment()) as process:
        wait_until(running.exists, what="a running task")
        with all_writing_held_up():
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: b"shutting down gracefully" in log.read_bytes(), what="the signal")
            deleted = removal.slices.filter(state="deleted").count()
        assert process.wait(LONGEST_WAIT) == 0
    assert not running.exists()
    assert not DBTaskResult.objects.failed().exists()
    after = removal.slices.filter(state="deleted").count()
    assert deleted <= after <= deleted + 1 < POSTS // SLICE
    assert DBTaskResult.objects.ready().exists()  # the next slice waits for the next worker
    assert Post.objects.count() == POSTS - after * SLICE + GOOD_POSTS
    with worker(*DB_WORKER, log=log, env=wave.place.environment()):
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({log})")
    assert wave.problems(removal) == []
