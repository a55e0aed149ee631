"""People at work in the admin while posts are being removed: nobody meets an error or a lock.

Three in four requests read a page; the fourth saves a good post. WEB_LOAD_POSTS and
WEB_LOAD_SECONDS make it larger and longer: see `make faults`. Requests go to loopback alone, ten a
second, and end with the removal or the time, whichever is first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Removal
from posts.models import Post
from tests.faults.conftest import MakeWave, Wave
from tests.faults.file_stores import Folder
from tests.services.processes import ROOT, wait_until
from tests.services.workers import DB_WORKER, gunicorn, worker

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = int(os.environ.get("WEB_LOAD_POSTS", "400"))
MOST_SECONDS = int(os.environ.get("WEB_LOAD_SECONDS", "60"))
# A small removal ends immediately; the load continues, so that there is something to measure.
LEAST_SECONDS = 5
EACH = 0.1  # seconds between two requests
WORKERS = "2"
# Requests before the load begins: each worker imports the site, and fills its caches, at its first.
WARM_UP = 10
ANSWER_SECONDS = 60
# The size of the full run. Smaller ones say nothing of speed: they run on any machine.
FULL_POSTS = 20_000
LONGEST_95TH_PERCENTILE = 0.5  # seconds
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that somebody opens, or the form that they send to it."""

    path: str
    form: str = ""

    @property
    def name(self) -> str:
        """How the report calls it."""
        return f"{'saving ' if self.form else ''}{self.path}"

    @property
    def expected(self) -> int:
        """The status: who saves is led on; a form with errors would be shown again."""
        return 302 if self.form else 200


@pytest.fixture
def wave(folder: Folder, make_wave: MakeWave) -> Wave:
    wave = make_wave(POSTS, folder)
    User.objects.filter(pk=wave.moderator.pk).update(is_superuser=True)
    return wave


@pytest.fixture
def site(wave: Wave, tmp_path: Path) -> Iterator[int]:
    """A real gunicorn on the test's database; gives its port."""
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, check=True, timeout=180)
    with gunicorn("--workers", WORKERS, log=tmp_path / "gunicorn") as port:
        yield port


def ask(port: int, visit: Visit, headers: Mapping[str, str]) -> tuple[int, float]:
    """Ask for a page, or save; give the status and the seconds that the answer took."""
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        method, extra = ("POST", {"Content-Type": FORM}) if visit.form else ("GET", {})
        connection.request(method, visit.path, visit.form or None, {**headers, **extra})
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response.status, time.monotonic() - began


def load(
    port: int, visits: list[Visit], headers: Mapping[str, str], over: threading.Event
) -> list[tuple[int, float]]:
    """Make the visits in turn, ten a second, however long the answers take."""
    began = time.monotonic()
    with ThreadPoolExecutor(50) as people:
        answers = []
        for visit in cycle(visits):
            answers.append(people.submit(ask, port, visit, headers))
            time.sleep(max(0.0, began + EACH * len(answers) - time.monotonic()))
            passed = time.monotonic() - began
            if passed > MOST_SECONDS or (over.is_set() and passed > LEAST_SECONDS):
                break
        return [answer.result() for answer in answers]


def percentile_95(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 95 // 100]


def report(visits: list[Visit], seconds: list[float], took: float) -> None:
    """Print how long the answers took, all of them and page by page."""
    print(f"{POSTS} posts removed in {took:.1f} s")  # noqa: T201 - the report of the full run
    each = {visit.name: seconds[number :: len(visits)] for number, visit in enumerate(visits)}
    for name, times in {"all": seconds, **each}.items():
        print(  # noqa: T201 - the same
            f"{name}: {len(times)} requests, median {median(times):.3f} s, "
            f"95th percentile {percentile_95(times):.3f} s, longest {max(times):.3f} s"
        )


def saving(post: Post, client: Client) -> Visit:
    """Send the post's page as it stands, with the token that the client was given there."""
    path = reverse("admin:posts_post_change", args=[post.pk])
    client.get(path)
    picture = post.post_images.get()
    sent = {
        "csrfmiddlewaretoken": client.cookies[settings.CSRF_COOKIE_NAME].value,
        "author": post.author_id,
        "title": post.title,
        "body": post.body,
        "created_at_0": "2026-11-01",
        "created_at_1": "12:00:00",
        "post_images-0-id": picture.pk,
        "post_images-0-post": post.pk,
    }
    for prefix, number in (("post_images", 1), ("post_images-2", 0), ("reports", 0)):
        sent |= {f"{prefix}-TOTAL_FORMS": number, f"{prefix}-INITIAL_FORMS": number}
    return Visit(path, urlencode(sent))


def test_pages_answer_and_save_while_posts_are_removed(
    wave: Wave, site: int, tmp_path: Path
) -> None:
    client = Client()
    client.force_login(wave.moderator)
    draft = wave.draft()
    save = saving(Post.objects.latest("pk"), client)  # the last one is good
    headers = {"Cookie": client.cookies.output(attrs=[], header="", sep=";").strip()}
    visits = [
        Visit(reverse("admin:posts_post_changelist")),
        Visit(save.path),
        Visit(reverse("admin:moderation_removal_change", args=[draft.pk])),
        save,
    ]
    for visit in [visit for visit in visits for _ in range(WARM_UP)]:
        ask(site, visit, headers)
    saved_before = LogEntry.objects.count()
    over = threading.Event()
    with ThreadPoolExecutor(1) as crowd, worker(*DB_WORKER, log=tmp_path / "worker"):
        requests = crowd.submit(load, site, visits, headers, over)
        began = time.monotonic()
        removal = wave.confirm(draft)
        done = Removal.objects.filter(pk=removal.pk, state="done")
        wait_until(done.exists, seconds=MOST_SECONDS * 10, what="the end of the removal")
        took = time.monotonic() - began
        over.set()
        answered = requests.result()
    times = [seconds for _status, seconds in answered]
    report(visits, times, took)
    expected = [visit.expected for visit, _answer in zip(cycle(visits), answered, strict=False)]
    assert [status for status, _seconds in answered] == expected
    assert LogEntry.objects.count() - saved_before == expected.count(302)
    if POSTS >= FULL_POSTS:
        assert percentile_95(times) < LONGEST_95TH_PERCENTILE
    for log in ("gunicorn", "worker"):
        written = (tmp_path / log).read_text()
        assert "locked" not in written, written
        assert "Traceback" not in written, written
    assert wave.problems(removal) == []
