"""Stored times come from the database, so a machine with a wrong clock delays nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from moderation.db import server_time
from moderation.jobs import scheduler
from moderation.models import AuditEntry, AuditEvent, Heartbeat, QueueingLock, Removal
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from posts.models import Post
from tests.helpers import confirmed, drafted, stored
from tests.testapp.models import Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]
a_server_of_its_own = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite's clock is the machine's"
)

MakePosts = Callable[..., list[Post]]
AHEAD = timedelta(minutes=10)


@pytest.fixture
def machine_ahead(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Set this machine's clock ahead; return a function that corrects it."""
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + AHEAD)
    return lambda: monkeypatch.setattr(timezone, "now", real)


def is_about_now(moment: datetime | None) -> bool:
    assert moment
    return abs(moment - timezone.now()) < AHEAD / 2


@a_server_of_its_own
def test_a_web_server_ahead_of_the_database_leaves_no_removal_waiting(
    moderator: User, make_posts: MakePosts, machine_ahead: Callable[[], None]
) -> None:
    removal = confirmed(drafted(make_posts(1), moderator), moderator)
    machine_ahead()
    assert AuditEntry.objects.due().count() == removal.entries.count() == 4
    purge_due_files()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}
    removal.refresh_from_db()
    assert all(map(is_about_now, (removal.created_at, removal.confirmed_at, removal.finished_at)))
    assert all(map(is_about_now, removal.batches.values_list("finished_at", flat=True)))
    assert all(map(is_about_now, AuditEvent.objects.values_list("recorded_at", flat=True)))
    times = AuditEntry.objects.values_list("recorded_at", "due_at", "erased_at", "verified_at")
    assert all(is_about_now(moment) for row in times for moment in row)


@a_server_of_its_own
def test_a_dead_worker_ahead_of_the_database_holds_its_leases_for_no_longer(
    machine_ahead: Callable[[], None], settings: object
) -> None:
    settings.MODERATION_LEASE_SECONDS = 300  # type: ignore[attr-defined]
    Volume.objects.create(text=stored("a.pdf", "attachments")).delete()
    claimed = claim(10)
    assert claimed
    Heartbeat.beat("worker")
    machine_ahead()
    until = AuditEntry.objects.get().leased_until
    assert until
    assert until - timezone.now() < timedelta(seconds=301)
    assert is_about_now(Heartbeat.objects.get().recorded_at)
    assert is_about_now(QueueingLock.objects.get(work="purge").acquired_at)


def test_times_are_read_without_a_query_of_their_own(
    moderator: User, make_posts: MakePosts, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        Heartbeat.is_recent()
    with django_assert_num_queries(1):
        AuditEntry.objects.due().exists()
    assert Removal.objects.filter(created_at__lt=server_time.DatabaseNow(AHEAD)).count() == 0


def test_the_time_of_the_database_can_have_an_offset() -> None:
    Heartbeat.beat("worker")
    assert Heartbeat.objects.filter(recorded_at__lt=server_time.DatabaseNow(AHEAD)).exists()
    assert not Heartbeat.objects.filter(recorded_at__lt=server_time.DatabaseNow(-AHEAD)).exists()
    assert abs(server_time.difference()) < timedelta(seconds=5)
    assert scheduler.clock_problems() == []


@pytest.mark.parametrize(
    ("by", "words"), [(timedelta(seconds=30), "30 s ahead"), (timedelta(seconds=-9), "9 s behind")]
)
def test_the_check_and_the_scheduler_name_a_clock_that_differs(
    by: timedelta, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_time, "difference", lambda: by)
    with pytest.raises(CommandError, match=words):
        call_command("purge", "--check")
    errors = StringIO()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("moderation.management.commands.purge.run_once", stop)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        call_command("purge", "--loop", stdout=StringIO(), stderr=errors)
    assert words in errors.getvalue()


@a_server_of_its_own
def test_the_scheduler_waits_for_a_database_that_is_away_when_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Errors(StringIO):
        def write(self, text: str) -> int:
            monkeypatch.setitem(connection.settings_dict, "NAME", name)  # it is back
            return super().write(text)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    name, errors = connection.settings_dict["NAME"], Errors()
    monkeypatch.setattr("moderation.management.commands.purge.run_once", stop)
    monkeypatch.setattr("moderation.management.commands.purge.INTERVAL", 0.01)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")
    connection.close()
    with pytest.raises(KeyboardInterrupt):
        call_command("purge", "--loop", stdout=StringIO(), stderr=errors)
    assert errors.getvalue().startswith("Database error, retrying: ")


@a_server_of_its_own
def test_the_difference_between_clocks_is_measured(machine_ahead: Callable[[], None]) -> None:
    (problem,) = scheduler.clock_problems()
    assert "600 s ahead" in problem
    machine_ahead()
    assert scheduler.clock_problems() == []
