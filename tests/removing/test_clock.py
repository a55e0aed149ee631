"""The clock: one step of it, and what it tells an operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models.signals import pre_delete
from django.test import override_settings
from django.utils import timezone

from moderation.clock import SILENT, overdue, tick
from moderation.models import AuditEntry, Removal
from moderation.purge.batch import TURN, purge_batch
from moderation.removal.progress import go_on, retry_entries, stop
from posts.models import Post
from tests.removing.conftest import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def make_running(moderator: User, make_posts: MakePosts) -> Callable[[], Removal]:
    """Confirm a removal of two slices, none of which is deleted yet."""

    def make() -> Removal:
        with override_settings(MODERATION_SLICE_OBJECTS=1):
            return confirmed(drafted(make_posts(2, images=1), moderator), moderator)

    return make


def test_one_removal_in_trouble_does_not_hold_up_the_others(
    marked: None, make_running: Callable[[], Removal]
) -> None:
    troubled, other = make_running(), make_running()
    keys = {key for part in troubled.slices.all() for key, _ in part.shown}

    def refuse(instance: Post, **_: object) -> None:
        if instance.pk in keys:
            raise OperationalError("canceling statement due to lock timeout")

    pre_delete.connect(refuse, sender=Post)
    try:
        for _ in range(2):
            with pytest.raises(OperationalError):
                tick(alone=True)
    finally:
        pre_delete.disconnect(refuse, sender=Post)
    assert set(Post.objects.values_list("pk", flat=True)) == keys
    assert other.entries.filter(state="erased").count() == 4


@override_settings(MODERATION_OVERDUE_MINUTES=0)
def test_what_waits_for_a_storage_that_was_never_marked_is_overdue(
    transactional_db: None, moderator: User, make_posts: MakePosts
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    purge_batch()
    assert AuditEntry.objects.filter(state="pending", due_at__gt=timezone.now()).count() == 2
    assert overdue().entries == 2


def test_a_removal_that_was_just_set_in_motion_again_is_not_overdue(
    marked: None, make_running: Callable[[], Removal], moderator: User
) -> None:
    removal = make_running()
    Removal.objects.update(confirmed_at=timezone.now() - timedelta(days=1))
    assert overdue().removals == 1
    stop(removal, actor=moderator)
    go_on(removal, actor=moderator)
    assert overdue().removals == 0


@override_settings(MODERATION_OVERDUE_MINUTES=0)
def test_keys_that_are_tried_again_later_are_not_overdue(
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


def test_a_worker_in_the_middle_of_a_turn_is_not_silent() -> None:
    assert SILENT.total_seconds() >= 2 * TURN
