"""Real processes: two workers on one removal, the scheduler alone, a lost queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from moderation.models import (
    AuditEntry,
    Heartbeat,
    QueueingLock,
    Removal,
    RemovalBatch,
    StorageIdentity,
)
from moderation.models.queueing_lock import LOST_AFTER
from moderation.removals.delete import delete_next_batch
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.services.queue import empty_the_queue, needs_queue
from tests.services.workers import CLOCK, DB_WORKER, worker

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]

# Two processes start, and the scheduler waits ten seconds for a worker before it works. The rest is
# for a slow machine.
LONGEST_WAIT = 180.0


def wait_until_done(*removals: Removal) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    left = {removal.pk for removal in removals}
    while left and time.monotonic() < deadline:
        left -= set(Removal.objects.filter(pk__in=left, state="done").values_list("pk", flat=True))
        time.sleep(0.2)
    states = Removal.objects.filter(pk__in=left).values_list("pk", "state")
    assert not left, f"not done after {LONGEST_WAIT} s: {list(states)}"


@pytest.fixture
def removal(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    """A confirmed removal of ten batches; the confirmation has enqueued its first task."""
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        return confirmed(drafted(make_posts(20, images=1), moderator), moderator)


def assert_all_gone_once(removal: Removal) -> None:
    assert not Post.objects.exists()
    entries = list(AuditEntry.objects.all())
    assert len(entries) == len({entry.name for entry in entries}) == 40
    assert {(entry.state, entry.attempts) for entry in entries} == {("erased", 1)}
    assert not any(default_storage.exists(entry.name) for entry in entries)
    assert sum(batch.deleted_total for batch in removal.batches.all()) == 20


@needs_queue
def test_two_workers_share_a_removal_and_do_each_batch_and_key_once(
    removal: Removal, tmp_path: Path
) -> None:
    with worker(*DB_WORKER, log=tmp_path / "one"), worker(*DB_WORKER, log=tmp_path / "two"):
        wait_until_done(removal)
    assert_all_gone_once(removal)
    assert Heartbeat.is_recent("worker")


@needs_queue
def test_the_removals_of_two_moderators_alternate(
    removal: Removal, make_posts: MakePosts, tmp_path: Path
) -> None:
    other = User.objects.create_user("other", is_staff=True, is_superuser=True)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        later = confirmed(drafted(make_posts(20, images=1), other), other)
    with worker(*DB_WORKER, log=tmp_path / "worker"):
        wait_until_done(removal, later)
    batches = RemovalBatch.objects.order_by("finished_at")
    order = [batch.removal_id == removal.pk for batch in batches]
    assert len(order) == 20
    for begun in range(1, 21):
        ahead = abs(2 * sum(order[:begun]) - begun)
        assert ahead <= 2, f"one of them had {ahead} batches more than the other: {order}"


def test_the_scheduler_does_the_work_if_no_worker_runs(removal: Removal, tmp_path: Path) -> None:
    empty_the_queue()
    with worker(*CLOCK, log=tmp_path / "scheduler"):
        wait_until_done(removal)
    assert_all_gone_once(removal)


@needs_queue
def test_a_lost_queue_loses_no_work(removal: Removal, tmp_path: Path) -> None:
    empty_the_queue()
    QueueingLock.objects.update(acquired_at=timezone.now() - LOST_AFTER)
    with worker(*DB_WORKER, log=tmp_path / "worker"), worker(*CLOCK, log=tmp_path / "scheduler"):
        wait_until_done(removal)
    assert_all_gone_once(removal)


def test_purge_by_hand_does_all_that_is_due(
    removal: Removal, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("purge", "--dry-run")
    assert "Due: 1 removal, 0 audit entries." in capsys.readouterr().out
    assert Post.objects.count() == 20
    call_command("purge")
    removal.refresh_from_db()
    assert removal.state == "done"
    assert_all_gone_once(removal)


def test_check_reports_overdue_work_and_a_wrong_storage(removal: Removal) -> None:
    call_command("purge", "--check")
    long_ago = timezone.now() - timedelta(hours=1)
    Removal.objects.update(confirmed_at=long_ago)
    with pytest.raises(CommandError, match="overdue: 1 removal, 0 audit entries"):
        call_command("purge", "--check")
    delete_next_batch(removal.pk)
    call_command("purge", "--check")
    StorageIdentity.objects.filter(alias="default").update(problem="holds no identity file")
    with pytest.raises(CommandError, match="default: holds no identity file"):
        call_command("purge", "--check")
