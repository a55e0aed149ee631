"""A worker that dies while storage keeps it waiting: its lease expires, and another continues.

Tried with both queues, each with two real worker processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from django_tasks import task_backends

from moderation.models import AuditEntry, Removal
from tests.faults.conftest import MakeWave, Wave
from tests.faults.file_stores import Bucket
from tests.services import redis_server
from tests.services.faulty_proxy import Act, FaultyProxy, Request, faulty_proxy
from tests.services.processes import ROOT, wait_until
from tests.services.s3_gateway import S3Server
from tests.services.workers import CLOCK, DB_WORKER, RQ_WORKER_IS_UP, wait_until_up, worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="several workers on several machines: PostgreSQL"
    ),
]

RQ_WORKER = ("rqworker", "default", "--job-class", "django_tasks_rq.Job")
POSTS = 60
LONGEST_WAIT = 180
# Seconds that the storage keeps a worker waiting: longer than it lives.
STALL = 30
SMALL_STEPS = {"MODERATION_REQUEST_KEYS": "10", "MODERATION_REQUESTS": "1"}
# Only where a lease is to run out: elsewhere a slow worker would lose what it holds.
SHORT_LEASE = {"MODERATION_LEASE_SECONDS": "5"}


@pytest.fixture
def proxy(s3_gateway: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_gateway.endpoint) as running:
        yield running


@pytest.fixture
def wave(bucket: Bucket, make_wave: MakeWave, settings: object) -> Wave:
    settings.MODERATION_BATCH_OBJECTS = 5  # type: ignore[attr-defined]
    return make_wave(POSTS, bucket)


@pytest.fixture
def through_proxy(wave: Wave, proxy: FaultyProxy) -> dict[str, str]:
    """The variables of workers that reach the bucket through the proxy, in small steps."""
    env = SMALL_STEPS | SHORT_LEASE | wave.file_store.environment()
    return env | {"S3_ENDPOINT_URL": proxy.endpoint}


@pytest.fixture
def redis_queue(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Queue by RQ on a Redis of its own, here and in the workers that get these variables."""
    rq = {"default": {"BACKEND": "django_tasks_rq.RQBackend"}}
    with (
        redis_server.serve(tmp_path) as url,
        override_settings(TASKS=rq, RQ_QUEUES={"default": {"URL": url}}),
    ):
        assert type(task_backends["default"]).__name__ == "RQBackend"
        yield {"TASKS_BACKEND": "rq", "REDIS_URL": url}


@pytest.fixture(params=["database", "rq"])
def queue(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Each queue: the command of its worker, and the variables that choose it."""
    if request.param == "database":
        return DB_WORKER, {}
    return RQ_WORKER, request.getfixturevalue("redis_queue")


def is_done(removal: Removal) -> bool:
    return Removal.objects.filter(pk=removal.pk, state="done").exists()


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and the process that it forked for its task."""
    parent = psutil.Process(process.pid)
    for each in [parent, *parent.children(recursive=True)]:
        each.kill()
    process.wait()


def test_two_rq_workers_share_a_removal_and_do_each_batch_and_key_once(
    wave: Wave, redis_queue: dict[str, str], tmp_path: Path
) -> None:
    env = SMALL_STEPS | wave.file_store.environment() | redis_queue
    logs = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as stack:
        for log in logs:
            stack.enter_context(worker(*RQ_WORKER, log=log, env=env))
        wait_until_up(RQ_WORKER_IS_UP, *logs)
        removal = wave.remove()
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({tmp_path})")
    assert wave.problems(removal) == []
    tries = AuditEntry.objects.filter(removal=removal).values_list("state", "attempts").distinct()
    assert set(tries) == {("erased", 1), ("in_use", 0)}
    for log in logs:
        assert "Job OK" in log.read_text()


def test_another_worker_continues_when_the_lease_of_a_killed_one_has_expired(
    wave: Wave,
    through_proxy: dict[str, str],
    proxy: FaultyProxy,
    queue: tuple[tuple[str, ...], Mapping[str, str]],
    tmp_path: Path,
) -> None:
    command, chosen = queue
    env = through_proxy | dict(chosen)
    proxy.faults.append(stalled)
    leased = AuditEntry.objects.filter(state="pending", leased_until__gt=timezone.now())
    with worker(*command, log=tmp_path / "one", env=env) as first:
        removal = wave.remove()
        wait_until(leased.exists, seconds=LONGEST_WAIT, what=f"a lease ({tmp_path})")
        wait_until(lambda: any(r.deletes for r in proxy.seen), what="a deletion under way")
        kill_with_children(first)
    abandoned = set(leased.values_list("pk", flat=True))
    assert abandoned
    proxy.faults.clear()
    second = worker(*command, log=tmp_path / "two", env=env)
    with second, worker(*CLOCK, log=tmp_path / "clock", env=env):
        wait_until(lambda: is_done(removal), seconds=LONGEST_WAIT, what=f"the end ({tmp_path})")
    assert wave.problems(removal) == []
    ends = AuditEntry.objects.filter(pk__in=abandoned).values_list("state", "attempts").distinct()
    assert list(ends) == [("erased", 1)]  # the try that nobody finished does not count


def stalled(request: Request) -> Act | None:
    """Keep deletions waiting, and then do not do them."""
    return Act(delay=STALL, reset=True) if request.deletes else None


def test_rq_brings_no_pages_of_its_own_into_the_admin(redis_queue: dict[str, str]) -> None:
    """Its dashboard would let any staff look into queues and empty them."""
    script = (
        "from django.contrib import admin; print(*[m._meta.label for m in admin.site._registry])"
    )
    shown = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=ROOT,
        env=os.environ | redis_queue,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    ).stdout
    assert "posts.Post" in shown
    assert "django_rq" not in shown
