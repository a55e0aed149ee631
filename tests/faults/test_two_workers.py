"""Two workers on one removal: each batch and each key handled once. And how a worker stops.

WORKER_ROUNDS makes it longer: see `make faults`.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django_tasks_db.models import DBTaskResult

from moderation.models import AuditEntry, Removal
from posts.models import Post
from tests.faults.conftest import GOOD_POSTS, MakeWave, Wave
from tests.faults.file_stores import Bucket, FileStore
from tests.services.faulty_proxy import Act, FaultyProxy, faulty_proxy
from tests.services.processes import wait_until
from tests.services.s3_gateway import S3Server
from tests.services.workers import DB_WORKER, DB_WORKER_IS_UP, wait_until_up, worker

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("WORKER_ROUNDS", "2"))
POSTS = 200
BATCH = 10
# Many batches, so that the workers meet often.
MANY_BATCHES = {"MODERATION_REQUEST_KEYS": "10", "MODERATION_REQUESTS": "1", "LOG_LEVEL": "INFO"}
# Seconds that each deletion takes longer: two workers that hold the same key would both ask.
SLOW = 0.05
LONGEST_WAIT = 300


@pytest.fixture
def small_batches() -> Iterator[None]:
    with override_settings(MODERATION_BATCH_OBJECTS=BATCH):
        yield


@pytest.fixture
def wave(file_store: FileStore, make_wave: MakeWave, small_batches: None) -> Wave:
    return make_wave(POSTS, file_store)


def is_done(removal: Removal) -> bool:
    return Removal.objects.filter(pk=removal.pk, state="done").exists()


@pytest.fixture
def proxy(s3_gateway: S3Server) -> Iterator[FaultyProxy]:
    """A proxy that slows deletions down, so that the workers meet, and notes what they ask for."""
    with faulty_proxy(s3_gateway.endpoint) as running:
        running.faults.append(lambda request: Act(delay=SLOW) if request.deletes else None)
        yield running


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_workers_handle_each_batch_and_each_key_once(
    number: int,
    bucket: Bucket,
    make_wave: MakeWave,
    proxy: FaultyProxy,
    tmp_path: Path,
) -> None:
    wave = make_wave(POSTS, bucket)
    env = MANY_BATCHES | bucket.environment() | {"S3_ENDPOINT_URL": proxy.endpoint}
    logs = [tmp_path / "one", tmp_path / "two"]
    one, two = (worker(*DB_WORKER, log=log, env=env) for log in logs)
    with one, two:
        wait_until_up(DB_WORKER_IS_UP, *logs)
        removal = wave.remove()
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({tmp_path})")
    assert wave.problems(removal) == []
    assert [batch.deleted_total for batch in removal.batches.all()] == [BATCH] * (POSTS // BATCH)
    tries = AuditEntry.objects.filter(removal=removal).values_list("state", "attempts").distinct()
    assert set(tries) == {("erased", 1), ("in_use", 0)}
    assert {key: times for key, times in deletions(proxy).items() if times != 1} == {}
    assert not DBTaskResult.objects.failed().exists()
    assert len(who_took_part()) == 2


def who_took_part() -> set[str]:
    """The workers that ran a task; one that still waits was run by none."""
    tasks = DBTaskResult.objects.values_list("worker_ids", flat=True)
    return {worker for workers in tasks for worker in workers}


def deletions(proxy: FaultyProxy) -> Counter[bytes]:
    """How often the storage was asked to delete each key."""
    bodies = [request.body for request in proxy.seen if request.is_batch]
    singly = [request.path.encode() for request in proxy.seen if request.method == "DELETE"]
    return Counter(
        [key for body in bodies for key in re.findall(rb"<Key>(.*?)</Key>", body)] + singly
    )


@contextmanager
def held_in_a_task() -> Iterator[None]:
    """Have the worker wait for a lock, in the middle of a task, until this is left.

    Raises TimeoutError where no task is ever seen running.
    """
    end = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < end:
        with transaction.atomic():  # on SQLite this alone blocks all writing
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("LOCK TABLE moderation_removalbatch")
            if DBTaskResult.objects.running().exists():
                yield
                return
        time.sleep(0.01)
    raise TimeoutError("no task was seen running")


def test_stop_signal_lets_a_worker_finish_its_current_batch(wave: Wave, tmp_path: Path) -> None:
    removal = wave.remove()
    log = tmp_path / "worker"
    with worker(*DB_WORKER, log=log, env=wave.file_store.environment()) as process:
        with held_in_a_task():
            # Not awaited here: a worker inside SQLite's own wait hears the signal only after it.
            process.send_signal(signal.SIGTERM)
            deleted = removal.batches.filter(state="deleted").count()
        assert process.wait(LONGEST_WAIT) == 0
    assert b"shutting down gracefully" in log.read_bytes()
    assert not DBTaskResult.objects.running().exists()
    assert not DBTaskResult.objects.failed().exists()
    after = removal.batches.filter(state="deleted").count()
    assert deleted <= after <= deleted + 1 < POSTS // BATCH
    assert DBTaskResult.objects.ready().exists()  # the next batch waits for the next worker
    assert Post.objects.count() == POSTS - after * BATCH + GOOD_POSTS
    with worker(*DB_WORKER, log=log, env=wave.file_store.environment()):
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({log})")
    assert wave.problems(removal) == []
