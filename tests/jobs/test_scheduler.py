"""The scheduler: what one run does, and what it reports to an operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models.signals import pre_delete
from django.test import override_settings
from django.utils import timezone

from moderation.jobs import tasks
from moderation.jobs.scheduler import overdue, run_once
from moderation.lifecycle.entries import retry as retry_entries
from moderation.lifecycle.removals import resume, stop
from moderation.models import AuditEntry, Heartbeat, QueueingLock, Removal
from moderation.models.heartbeat import MISSING_AFTER
from moderation.models.queueing_lock import LOST_AFTER, OVERTAKEN_BY
from moderation.purge import run
from moderation.purge.run import purge_due_files
from posts.models import Post
from project import storages
from tests.helpers import confirmed, drafted
from tests.services.audit_log import unguarded
from tests.services.queue import DBTaskResult, needs_queue

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]

# How long the site's S3 client waits for a storage that does not answer.
LONGEST_STALL = timedelta(
    seconds=storages.ATTEMPTS * (storages.CONNECT_TIMEOUT_SECONDS + storages.READ_TIMEOUT_SECONDS)
)


@pytest.fixture
def make_running(moderator: User, make_posts: MakePosts) -> Callable[[], Removal]:
    """Confirm a removal of two batches, none of which is deleted yet."""

    def make() -> Removal:
        with override_settings(MODERATION_BATCH_OBJECTS=1):
            return confirmed(drafted(make_posts(2, images=1), moderator), moderator)

    return make


def run_once_alone() -> bool:
    return run_once(alone=True)


def name_of(task: DBTaskResult) -> str:
    return str(task.task_path).rpartition(".")[2]


def queued() -> list[str]:
    """The tasks that wait for a worker."""
    return [name_of(task) for task in DBTaskResult.objects.ready()]


def work_off_one_task() -> str:
    """Run the next queued task as a worker does; return its name."""
    task = DBTaskResult.objects.ready().first()
    assert task
    task.claim("worker")
    task.task.call(*task.args_kwargs["args"])
    task.set_successful(None)
    return name_of(task)


def test_a_removal_with_database_errors_does_not_delay_the_others(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    failing, other = make_running(), make_running()
    keys = {key for batch in failing.batches.all() for key, _ in batch.frozen}

    def refuse(instance: Post, **_: object) -> None:
        if instance.pk in keys:
            raise OperationalError("canceling statement due to lock timeout")

    pre_delete.connect(refuse, sender=Post)
    try:
        while run_once(alone=True):
            pass
    finally:
        pre_delete.disconnect(refuse, sender=Post)
    assert set(Post.objects.values_list("pk", flat=True)) == keys
    assert other.entries.filter(state="erased").count() == 4


@override_settings(MODERATION_OVERDUE_MINUTES=0)
def test_files_in_a_storage_without_an_identity_are_overdue(
    transactional_db: None, moderator: User, make_posts: MakePosts
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    purge_due_files()
    assert AuditEntry.objects.filter(state="pending", due_at__gt=timezone.now()).count() == 2
    assert overdue().entries == 2


def test_a_removal_that_was_just_resumed_is_not_overdue(
    marked: None, make_running: Callable[[], Removal], moderator: User
) -> None:
    removal = make_running()
    Removal.objects.update(confirmed_at=timezone.now() - timedelta(days=1))
    assert overdue().removals == 1
    stop(removal, actor=moderator)
    resume(removal, actor=moderator)
    assert overdue().removals == 0


@override_settings(MODERATION_OVERDUE_MINUTES=0)
def test_keys_that_are_retried_later_are_not_overdue(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    later = timezone.now() + timedelta(minutes=1)
    AuditEntry.objects.update(attempts=1, due_at=later)
    assert not overdue()
    AuditEntry.objects.update(state="failed", failed_at=timezone.now())
    retry_entries(AuditEntry.objects.all())
    AuditEntry.objects.update(due_at=later)
    assert not overdue()


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize(
    ("work", "process"), [(tasks.purge_files.call, "worker"), (run_once_alone, "scheduler")]
)
def test_a_process_records_a_heartbeat_first_and_whenever_it_writes_outcomes(
    work: Callable[[], object],
    process: str,
    moderator: User,
    make_posts: MakePosts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)  # four files
    monkeypatch.setattr(run, "OUTCOMES_PER_WRITE", 1)
    erased_at_beats: list[tuple[str, int]] = []

    def note(beating: str) -> None:
        erased_at_beats.append((beating, AuditEntry.objects.erased().count()))

    monkeypatch.setattr(Heartbeat, "beat", note)
    work()
    assert {(process, erased) for erased in range(5)} <= set(erased_at_beats)


def test_a_heartbeat_that_cannot_be_recorded_does_not_end_a_purge(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    monkeypatch.setattr(run, "OUTCOMES_PER_WRITE", 1)

    def fail(_process: str) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Heartbeat, "beat", fail)
    tasks.purge_files.call()
    assert not AuditEntry.objects.pending().exists()


def test_a_worker_that_waits_for_a_stalled_storage_is_not_reported_as_missing() -> None:
    assert MISSING_AFTER > LONGEST_STALL


@needs_queue
def test_ten_runs_of_the_scheduler_queue_a_task_once(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    make_running()
    Heartbeat.beat("worker")
    for _ in range(10):
        run_once()
    assert queued() == ["delete_batch"]


@needs_queue
def test_a_task_that_waits_behind_a_stalled_storage_is_not_enqueued_again(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    make_running()
    Heartbeat.beat("worker")
    assert LOST_AFTER > LONGEST_STALL
    QueueingLock.objects.update(acquired_at=timezone.now() - LONGEST_STALL)
    run_once()
    assert queued() == ["delete_batch"]


@needs_queue
def test_a_task_that_starts_late_leaves_at_most_one_more_in_the_queue(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    removal = make_running()
    QueueingLock.objects.update(acquired_at=timezone.now() - LOST_AFTER - timedelta(seconds=1))
    run_once()
    assert queued() == ["delete_batch"] * 2
    for _ in range(2):  # its two batches
        work_off_one_task()
        assert queued().count("delete_batch") <= 2
    while queued():
        work_off_one_task()
    removal.refresh_from_db()
    assert removal.state == "done"
    assert not QueueingLock.objects.exists()


@needs_queue
def test_a_lost_task_is_enqueued_again_while_workers_are_busy_with_others(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    make_running()
    DBTaskResult.objects.all().delete()
    Heartbeat.beat("worker")
    run_once()
    assert queued() == []  # it may still be queued
    QueueingLock.objects.update(acquired_at=timezone.now() - LOST_AFTER - timedelta(seconds=1))
    run_once()
    assert queued() == ["delete_batch"]


@needs_queue
def test_a_lost_task_is_enqueued_again_once_a_later_one_has_started(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    make_running()
    DBTaskResult.objects.all().delete()
    QueueingLock.objects.update(acquired_at=timezone.now() - OVERTAKEN_BY - timedelta(seconds=1))
    tasks.enqueue_purge()
    work_off_one_task()
    run_once()
    assert queued() == ["delete_batch"]


@needs_queue
def test_a_task_that_another_worker_is_about_to_start_does_not_count_as_lost(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    make_running()
    QueueingLock.objects.update(acquired_at=timezone.now() - OVERTAKEN_BY / 2)
    QueueingLock.acquire("purge")
    QueueingLock.release("purge")
    run_once()
    assert queued() == ["delete_batch"]


def test_erased_keys_are_verified_slowly_beside_busy_workers(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    Heartbeat.beat("worker")
    assert run_once() is False
    assert not AuditEntry.objects.filter(verified_at=None).exists()


@needs_queue
@override_settings(MODERATION_REQUEST_KEYS=2)
def test_batches_and_purge_alternate_however_slow_the_storage_is(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CLAIM_FOR", 0.0)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        confirmed(drafted(make_posts(12, images=2), moderator), moderator)
    done: list[str] = []
    while queued():
        done.append(work_off_one_task())
        assert len(queued()) <= 2
    batches = [turn for turn, name in enumerate(done) if name == "delete_batch"]
    assert len(batches) >= 6
    assert all(after - before <= 2 for before, after in pairwise(batches))
    assert AuditEntry.objects.filter(state="erased").count() == 48
