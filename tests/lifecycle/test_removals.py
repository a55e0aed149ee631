"""A removal that runs: others interfere, it is stopped, a batch fails, the actor is disabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.db.models import Model
from django.db.models.signals import post_delete, pre_delete
from django.test import override_settings

from moderation.exceptions import RemovalError
from moderation.lifecycle.removals import resume, retry, stop
from moderation.models import AuditEntry, AuditEvent, Removal
from moderation.permission_groups import MODERATORS
from moderation.purge.run import purge_due_files
from moderation.recording.attribution import DeletionContext
from moderation.removals import delete as delete_module
from moderation.removals.delete import delete_next_batch
from moderation.removals.freeze import freeze
from moderation.removals.progress import numbers
from posts.models import Post, PostImage, Report
from tests.helpers import confirmed, drafted, stored
from tests.testapp.models import Case, Exhibit

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


@contextmanager
def on(signal: object, sender: type, receiver: Callable[..., object]) -> Iterator[None]:
    signal.connect(receiver, sender=sender)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)  # type: ignore[attr-defined]


@pytest.fixture
def running(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    """A confirmed removal of three batches with two posts each."""
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        return confirmed(drafted(make_posts(6, images=1), moderator), moderator)


def run_all(removal: Removal) -> None:
    while delete_next_batch(removal.pk):
        pass
    while purge_due_files():
        pass
    removal.refresh_from_db()


def test_a_removal_stops_and_resumes(running: Removal, moderator: User) -> None:
    delete_next_batch(running.pk)
    stop(running, actor=moderator)
    assert not delete_next_batch(running.pk)
    purge_due_files()
    running.refresh_from_db()
    assert (running.state, Post.objects.count()) == ("stopped", 4)
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}
    with pytest.raises(RemovalError):
        stop(running, actor=moderator)
    resume(running, actor=moderator)
    run_all(running)
    assert (running.state, Post.objects.count()) == ("done", 0)
    types = AuditEvent.objects.order_by("pk").values_list("type", flat=True)
    assert list(types) == ["confirm", "stop", "resume"]


def test_a_disabled_actor_stops_the_removal(running: Removal, moderator: User) -> None:
    delete_next_batch(running.pk)
    User.objects.filter(pk=moderator.pk).update(is_active=False)
    assert not delete_next_batch(running.pk)
    running.refresh_from_db()
    assert (running.state, running.stop_reason) == (
        "stopped",
        "The account of mod is disabled or deleted.",
    )
    assert Post.objects.count() == 4


def test_a_deleted_actor_stops_the_removal(running: Removal, moderator: User) -> None:
    moderator.delete()
    assert not delete_next_batch(running.pk)
    running.refresh_from_db()
    assert (running.state, running.stop_reason) == (
        "stopped",
        "The account of mod is disabled or deleted.",
    )
    assert Post.objects.count() == 6


def test_an_actor_who_lost_the_permission_stops_the_removal(
    running: Removal, moderator: User
) -> None:
    moderator.groups.clear()
    assert not delete_next_batch(running.pk)
    running.refresh_from_db()
    assert running.state == "stopped"
    assert "“Can delete post”" in running.stop_reason
    moderator.groups.add(Group.objects.get(name=MODERATORS))
    resume(running, actor=moderator)
    run_all(running)
    assert running.state == "done"


def test_a_deleted_actor_stops_the_removal_and_the_log_keeps_the_name(
    running: Removal, moderator: User
) -> None:
    delete_next_batch(running.pk)
    moderator.delete()
    assert not delete_next_batch(running.pk)
    running.refresh_from_db()
    assert (running.state, running.actor_name) == ("stopped", "mod")
    assert set(AuditEntry.objects.values_list("actor_name", flat=True)) == {"mod"}


def test_a_failed_batch_is_rolled_back_named_and_does_not_delay_the_others(
    running: Removal, moderator: User
) -> None:
    victim = Post.objects.order_by("pk")[2]

    def refuse(instance: Post, **_: object) -> None:
        if instance.pk == victim.pk:
            raise ValueError("not this one")

    with on(post_delete, Post, refuse):
        run_all(running)
    failed = running.batches.get(state="failed")
    assert failed.error == "ValueError: not this one"
    assert Post.objects.count() == 2
    assert AuditEntry.objects.count() == 4 * 2
    assert running.state == "done"
    assert numbers(running)["batches_failed"] == 1
    retry(running, actor=moderator)
    run_all(running)
    assert (running.state, Post.objects.count()) == ("done", 0)


def test_two_overlapping_removals_delete_each_post_once(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    other = User.objects.create_user("other", is_staff=True)
    other.groups.add(Group.objects.get(name=MODERATORS))
    posts = make_posts(6, images=1)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        first = confirmed(drafted(posts[:4], moderator), moderator)
        second = confirmed(drafted(posts[2:], other), other)
    for _ in range(3):
        delete_next_batch(first.pk)
        delete_next_batch(second.pk)
    run_all(first)
    run_all(second)
    assert not Post.objects.exists()
    assert AuditEntry.objects.count() == 6 * 2
    gone = [key for batch in second.batches.all() for key in batch.already_deleted]
    gone += [key for batch in first.batches.all() for key in batch.already_deleted]
    assert sorted(gone) == [posts[2].pk, posts[3].pk]
    assert numbers(first)["deleted"] + numbers(second)["deleted"] == 6


def test_a_file_that_slips_in_during_the_deletion_rolls_the_batch_back(
    running: Removal,
) -> None:
    def slip_in(instance: PostImage, **_: object) -> None:
        instance.image = stored("another.jpg")

    # Before the recording receiver, as a replaced file on an unlocked row would come.
    receivers = pre_delete.receivers
    with on(pre_delete, PostImage, slip_in):
        pre_delete.receivers = [receivers[-1], *receivers[:-1]]
        pre_delete.sender_receivers_cache.clear()
        delete_next_batch(running.pk)
        pre_delete.receivers = receivers
        pre_delete.sender_receivers_cache.clear()
    failed = running.batches.get(state="failed")
    assert "changed while they were being deleted" in failed.error
    assert Post.objects.count() == 6
    assert not AuditEntry.objects.exists()


def test_a_database_error_leaves_the_batch_waiting(
    running: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def busy(*_: object) -> None:
        tries.append(1)
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(delete_module, "_delete_locked", busy)
    assert delete_next_batch(running.pk)
    assert len(tries) == delete_module.TRIES
    assert running.batches.filter(state="waiting").count() == 3
    assert running.batches.get(attempts=1).error == "OperationalError: deadlock detected"


def test_what_crosses_into_the_deletion_is_plain_data() -> None:
    assert DeletionContext.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_after_the_last_batch_there_is_nothing_to_stop(running: Removal, moderator: User) -> None:
    running.batches.update(state="deleted")
    with pytest.raises(RemovalError, match="nothing left to stop"):
        stop(running, actor=moderator)
    running.refresh_from_db()
    assert running.state == "deleting"


@pytest.mark.parametrize("late_model", [Case, Report])
def test_rows_without_files_that_came_late_do_not_exceed_a_batch(
    marked: None, moderator: User, make_posts: MakePosts, late_model: type[Model]
) -> None:
    """They change no digest; one model leads further on, the other is only counted."""
    moderator.is_superuser = True
    moderator.save()
    posts = make_posts(2, images=1)
    exhibits = [Exhibit.objects.create(poster=stored("p.jpg", "attachments")) for _ in posts]
    selected = Post.objects.all() if late_model is Report else Exhibit.objects.all()
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(freeze(selected, actor=moderator, permissions=[]), moderator)
    for n in range(8):
        reporter = User.objects.create(username=f"{n}")
        Report.objects.create(post=posts[0], reporter=reporter, reason="spam")
        Case.objects.create(exhibit=min(exhibits, key=lambda exhibit: exhibit.pk))
    with override_settings(MODERATION_BATCH_ROWS=7):
        run_all(removal)
    assert "More than 7 rows" in removal.batches.get(state="failed").error
    assert (late_model._base_manager.count(), selected.count()) == (8, 1)
    retry(removal, actor=moderator)
    with override_settings(MODERATION_BATCH_ROWS=10):
        run_all(removal)
    assert (late_model._base_manager.count(), selected.count()) == (0, 0)
