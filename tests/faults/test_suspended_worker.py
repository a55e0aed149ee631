"""A real worker is suspended for longer than its lease, between two files.

In the meantime another worker takes over its keys and erases the files, and an upload takes a name
that became free. When the first worker resumes, it must leave the upload alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection

from moderation.models import AuditEntry
from moderation.purge.run import purge_due_files
from moderation.storage.base import ERASED_EARLIER
from tests.faults.conftest import MakeWave
from tests.faults.file_stores import Bucket, FileStore, Folder
from tests.services.faulty_proxy import Act, Request, error_reply, faulty_proxy
from tests.services.processes import ROOT, wait_until
from tests.services.s3_gateway import S3Server
from tests.services.workers import environment

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = 4
LEASE_SECONDS = 2
# Stops itself at the worst moment: right before it erases a file.
SUSPENDED = """
import os, signal, sys
import django
django.setup()
from moderation.storage.filesystem import FileSystemAdapter
from moderation.purge.run import purge_due_files
outcome, calls = FileSystemAdapter._outcome, []
def stop_at_the_third(self, each):
    calls.append(each)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    return outcome(self, each)
FileSystemAdapter._outcome = stop_at_the_third
purge_due_files()
"""
PURGE = (
    "import django; django.setup(); "
    "from moderation.purge.run import purge_due_files; purge_due_files()"
)


@contextmanager
def purging(script: str, file_store: FileStore, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a purge in a separate process, on this test's database and files."""
    variables = os.environ | environment() | file_store.environment() | env
    variables |= {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "MODERATION_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=variables)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "it exited on its own"
    return bool(psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


def take_over() -> None:
    """Wait for the lease to expire, then do all the remaining work in this process."""

    def is_done() -> bool:
        while purge_due_files():
            pass
        return not AuditEntry.objects.filter(state="pending").exists()

    wait_until(is_done, seconds=120, what="the lease's end")


def test_a_suspended_worker_leaves_what_was_uploaded_since_on_disk(
    make_wave: MakeWave, folder: Folder
) -> None:
    wave = make_wave(POSTS, folder)
    removal = wave.remove()
    names = {entry.name for entry in removal.entries.all()}
    with purging(SUSPENDED, folder) as first:
        wait_until(lambda: is_stopped(first), seconds=120, what="the worker's suspension")
        take_over()
        before = {e.pk: (e.state, e.attempts, e.detail) for e in removal.entries.all()}
        free = sorted(name for name in names if not storages["default"].exists(name))
        uploaded = [storages["default"].save(name, ContentFile(b"new")) for name in free]
        assert uploaded == free
        first.send_signal(signal.SIGCONT)
        assert first.wait(timeout=120) == 0
    assert [name for name in uploaded if not storages["default"].exists(name)] == []
    after = {e.pk: (e.state, e.attempts, e.detail) for e in removal.entries.all()}
    assert after == before


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a bucket is shared by machines")
def test_a_suspended_worker_sends_nothing_again_to_a_bucket(
    make_wave: MakeWave, bucket: Bucket, s3_gateway: S3Server
) -> None:
    """It is suspended while the storage answers "slow down", after which it would retry."""
    wave = make_wave(POSTS, bucket)
    removal = wave.remove()
    with faulty_proxy(s3_gateway.endpoint) as proxy:

        def stop_the_worker(request: Request) -> Act | None:
            if not request.deletes:
                return None
            os.kill(first.pid, signal.SIGSTOP)
            return error_reply(503, "SlowDown")

        proxy.faults.append(stop_the_worker)
        with purging(PURGE, bucket, S3_ENDPOINT_URL=proxy.endpoint) as first:
            wait_until(lambda: is_stopped(first), seconds=120, what="the worker's suspension")
            take_over()
            before = {e.pk: (e.state, e.attempts) for e in removal.entries.all()}
            first.send_signal(signal.SIGCONT)
            assert first.wait(timeout=120) == 0
        assert sum(request.deletes for request in proxy.seen) == 1
    assert {e.pk: (e.state, e.attempts) for e in removal.entries.all()} == before
    assert wave.problems(removal) == []


def test_what_a_killed_worker_erased_is_said_to_be_erased_earlier(
    make_wave: MakeWave, folder: Folder
) -> None:
    removal = make_wave(POSTS, folder).remove()
    script = SUSPENDED.replace("signal.SIGSTOP", "signal.SIGKILL")
    with purging(script, folder) as first:
        assert first.wait(timeout=120) == -signal.SIGKILL
    take_over()
    ends = removal.entries.filter(state="erased").values_list("name", "detail")
    earlier = {name for name, detail in ends if detail == ERASED_EARLIER}
    assert len(earlier) == 2
    assert {detail for _, detail in ends} == {"", ERASED_EARLIER}
