"""People at work in the admin while posts are being removed: nobody meets an error or a lock.

WEB_LOAD_POSTS and WEB_LOAD_SECONDS make it larger and longer: see `make faults`. Requests go to
loopback alone, ten a second, and end with the removal or the time, whichever is first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Removal
from posts.models import Post
from tests.faults.conftest import MakeWave, Wave
from tests.faults.places import Folder
from tests.parts.processes import ROOT, answers, free_port, running, wait_until
from tests.parts.workers import DB_WORKER, environment, worker

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = int(os.environ.get("WEB_LOAD_POSTS", "400"))
MOST_SECONDS = int(os.environ.get("WEB_LOAD_SECONDS", "60"))
# A small removal is over at once; the load then goes on, so that there is something to look at.
LEAST_SECONDS = 5
EACH = 0.1  # seconds between two requests
WORKERS = "2"
# Requests before the load begins: each worker imports the site, and fills its caches, at its first.
WARM_UP = 10
ANSWER_SECONDS = 30


@pytest.fixture
def wave(folder: Folder, make_wave: MakeWave) -> Wave:
    wave = make_wave(POSTS, folder)
    User.objects.filter(pk=wave.moderator.pk).update(is_superuser=True)
    return wave


@pytest.fixture
def site(wave: Wave, tmp_path: Path) -> Iterator[int]:
    """A real gunicorn on the test's database; gives its port."""
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, check=True, timeout=60)
    port = free_port()
    program = str(Path(sys.executable).parent / "gunicorn")
    command = [program, "project.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", WORKERS]
    with running(command, log=tmp_path / "gunicorn", env=environment()):
        wait_until(lambda: answers(port), what=f"gunicorn ({tmp_path})")
        yield port


def get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, float]:
    """Ask for a page; give the status and the seconds that the answer took."""
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response.status, time.monotonic() - began


def load(
    port: int, paths: list[str], headers: Mapping[str, str], over: threading.Event
) -> list[tuple[int, float]]:
    """Ask for the pages in turn, ten a second, however long the answers take."""
    began = time.monotonic()
    with ThreadPoolExecutor(50) as people:
        asked = []
        for path in cycle(paths):
            asked.append(people.submit(get, port, path, headers))
            time.sleep(max(0.0, began + EACH * len(asked) - time.monotonic()))
            passed = time.monotonic() - began
            if passed > MOST_SECONDS or (over.is_set() and passed > LEAST_SECONDS):
                break
        return [answer.result() for answer in asked]


def report(paths: list[str], seconds: list[float], took: float) -> None:
    """Print how long the answers took, all of them and page by page."""
    print(f"{POSTS} posts removed in {took:.1f} s")  # noqa: T201 - the report of the full run
    pages = {path: seconds[number :: len(paths)] for number, path in enumerate(paths)}
    for name, unsorted in {"all pages": seconds, **pages}.items():
        times = sorted(unsorted)
        print(  # noqa: T201 - the same
            f"{name}: {len(times)} requests, median {times[len(times) // 2]:.3f} s, "
            f"95th percentile {times[len(times) * 95 // 100]:.3f} s, longest {times[-1]:.3f} s"
        )


def test_pages_answer_while_posts_are_removed(wave: Wave, site: int, tmp_path: Path) -> None:
    client = Client()
    client.force_login(wave.moderator)
    headers = {"Cookie": client.cookies.output(attrs=[], header="").strip()}
    draft = wave.draft()
    paths = [
        reverse("admin:posts_post_changelist"),
        reverse("admin:posts_post_change", args=[Post.objects.latest("pk").pk]),
        reverse("admin:moderation_removal_change", args=[draft.pk]),
    ]
    for path in [path for path in paths for _ in range(WARM_UP)]:
        get(site, path, headers)
    over = threading.Event()
    with ThreadPoolExecutor(1) as crowd, worker(*DB_WORKER, log=tmp_path / "worker"):
        requests = crowd.submit(load, site, paths, headers, over)
        began = time.monotonic()
        removal = wave.confirm(draft)
        done = Removal.objects.filter(pk=removal.pk, state="done")
        wait_until(done.exists, seconds=MOST_SECONDS * 10, what="the end of the removal")
        took = time.monotonic() - began
        over.set()
        answered = requests.result()
    report(paths, [seconds for _status, seconds in answered], took)
    assert {status for status, _seconds in answered} == {200}
    for log in ("gunicorn", "worker"):
        written = (tmp_path / log).read_text()
        assert "locked" not in written, written
        assert "Traceback" not in written, written
    assert wave.problems(removal) == []
