"""A draft shows what will be removed, and nothing that differs from it is removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.exceptions import DraftChanged, RemovalError
from moderation.lifecycle.removals import cancel
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals.draft import confirm, expire_drafts, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.keep import exclude
from moderation.removals.limits import blockers_of
from posts.models import Post, PostImage, Report
from tests.helpers import confirmed, drafted, stored
from tests.testapp.models import Loan, Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def add_picture(post: Post) -> None:
    name = stored("late.jpg")
    PostImage.objects.create(
        post=post, image=name, thumbnail=name, sha256="", size=1, width=1, height=1
    )


def test_a_picture_gained_after_the_freeze_stops_the_confirmation(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(3)
    removal = drafted(posts, moderator)
    seal = removal.seal
    add_picture(posts[1])
    posts[2].delete()
    entries = AuditEntry.objects.count()
    difference = confirm(removal, actor=moderator, seal=seal, reason="spam")
    assert difference.changed == (posts[1].pk,)
    assert difference.deleted == tuple(set(removal_keys(removal, before=True)) - {
        posts[0].pk, posts[1].pk})  # fmt: skip
    removal.refresh_from_db()
    assert (removal.state, removal.objects_total) == ("draft", 2)
    assert removal.seal != seal
    assert Post.objects.count() == 2
    assert AuditEntry.objects.count() == entries
    confirmed(removal, moderator)
    assert not Post.objects.exists()


def test_each_batch_that_differs_is_frozen_again(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(7)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        removal = drafted(posts, moderator)
    before = dict(removal.batches.values_list("number", "digest"))
    add_picture(posts[1])
    PostImage.objects.filter(post=posts[2]).update(thumbnail=stored("other.jpg"))
    gone = posts[6].pk
    posts[6].delete()
    difference = refreeze_changed(removal)
    assert difference.changed == (posts[1].pk, posts[2].pk)
    assert difference.deleted == (gone,)
    after = dict(removal.batches.values_list("number", "digest"))
    numbers = sorted(before)
    assert [after.get(n) == before[n] for n in numbers] == [False, False, True, False]
    assert numbers[3] not in after
    assert not refreeze_changed(removal)


def removal_keys(removal: Removal, *, before: bool) -> list[int]:
    first = RemovalBatch.objects.get(removal=removal)
    keys = [key for key, _ in first.frozen]
    return [*keys, max(keys) + 1] if before else keys


def test_a_new_report_does_not_break_the_seal(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(1)
    removal = drafted(posts, moderator)
    Report.objects.create(post=posts[0], reporter=moderator, reason="spam")
    confirmed(removal, moderator)
    assert not Report.objects.exists()


def test_a_change_between_confirmation_and_batch_leaves_the_object_and_names_it(
    make_posts: MakePosts, moderator: User
) -> None:
    from moderation.removals.delete import delete_next_batch

    posts = make_posts(4)
    with override_settings(MODERATION_BATCH_OBJECTS=3):
        removal = confirmed(drafted(posts, moderator), moderator)
    add_picture(posts[0])
    gone = posts[1].pk
    posts[1].delete()
    delete_next_batch(removal.pk)
    first = removal.batches.order_by("number")[0]
    assert (first.changed, first.already_deleted, first.deleted_total) == ([posts[0].pk], [gone], 1)
    assert set(Post.objects.values_list("pk", flat=True)) == {posts[0].pk, posts[3].pk}


def test_the_seal_of_another_tab_is_refused(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(3)
    removal = drafted(posts, moderator)
    seal = removal.seal
    number = removal.batches.get().number
    exclude(removal, seal=seal, keys_by_batch=[(number, [str(posts[0].pk)])])
    assert removal.objects_total == 2
    for wrong in (seal, "", "0" * 32):
        with pytest.raises(DraftChanged):
            confirm(removal, actor=moderator, seal=wrong, reason="spam")
        with pytest.raises(DraftChanged):
            exclude(removal, seal=wrong, keys_by_batch=[(number, [str(posts[1].pk)])])
    confirmed(removal, moderator)
    assert list(Post.objects.all()) == [posts[0]]


@pytest.mark.parametrize("typed", [None, "", "2", "four", "33"])
def test_a_missing_or_wrong_count_is_refused(
    make_posts: MakePosts, moderator: User, typed: str | None
) -> None:
    removal = drafted(make_posts(3), moderator)
    with override_settings(MODERATION_TYPED_COUNT_FROM=3), pytest.raises(RemovalError):
        confirm(removal, actor=moderator, seal=removal.seal, reason="spam", typed_count=typed)
    assert Post.objects.count() == 3


def test_a_reason_is_required(make_posts: MakePosts, moderator: User) -> None:
    removal = drafted(make_posts(1), moderator)
    for reason in ("", "because"):
        with pytest.raises(RemovalError):
            confirm(removal, actor=moderator, seal=removal.seal, reason=reason)


def test_ceilings_hold_for_a_removal_and_for_a_day(make_posts: MakePosts, moderator: User) -> None:
    removal = drafted(make_posts(3), moderator)
    ceiling = override_settings(MODERATION_REMOVAL_CEILING=2)
    with ceiling, pytest.raises(RemovalError, match="limit for one removal is 2"):
        confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    with override_settings(MODERATION_DAILY_CEILING=4):
        confirmed(removal, moderator)
        further = drafted(make_posts(2), moderator)
        with pytest.raises(RemovalError, match="remove in a day"):
            confirm(further, actor=moderator, seal=further.seal, reason="spam")
        moderator.user_permissions.add(Permission.objects.get(codename="exceed_ceilings"))
        confirmed(further, User.objects.get(pk=moderator.pk))


def test_protected_rows_and_missing_permissions_are_named(moderator: User) -> None:
    volume = Volume.objects.create()
    Loan.objects.create(volume=volume)
    removal = freeze(Volume.objects.all(), actor=moderator, permissions=["library.delete_volume"])
    said = " ".join(blockers_of(removal, moderator))
    assert "1 loan still refers to these volumes" in said
    assert "“Can delete volume”" in said
    with pytest.raises(RemovalError):
        confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    assert Volume.objects.exists()


def test_a_draft_that_has_grown_too_large_is_refused(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(2, images=1)
    removal = drafted(posts, moderator)
    add_picture(posts[0])
    with override_settings(MODERATION_BATCH_ROWS=4), pytest.raises(RemovalError, match="too large"):
        confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    assert Post.objects.count() == 2


def test_a_draft_can_be_cancelled_and_expires(make_posts: MakePosts, moderator: User) -> None:
    given_up, old = drafted(make_posts(1), moderator), drafted(make_posts(1), moderator)
    cancel(given_up)
    Removal.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert expire_drafts() == 1
    assert set(Removal.objects.values_list("state", flat=True)) == {"cancelled", "expired"}
    assert not RemovalBatch.objects.exists()
    with pytest.raises(RemovalError):
        cancel(given_up)
    assert Post.objects.count() == 2


def test_comparing_a_draft_takes_the_same_queries_for_each_batch(
    make_posts: MakePosts, moderator: User
) -> None:
    def queries(posts: int) -> int:
        removal = drafted(make_posts(posts), moderator)
        with CaptureQueriesContext(connection) as captured:
            assert not refreeze_changed(removal)
        return len(captured)

    assert queries(3) == queries(30)


def test_a_confirmation_that_came_twice_leaves_the_record_of_the_first(
    make_posts: MakePosts, moderator: User
) -> None:
    """A double click: the second request had read the draft before the first one ran."""
    removal = drafted(make_posts(3), moderator)
    twin = Removal.objects.get(pk=removal.pk)
    confirmed(removal, moderator)
    with pytest.raises(DraftChanged):
        confirm(twin, actor=moderator, seal=twin.seal, reason="spam")
    twin.refresh_from_db()
    assert (twin.state, twin.objects_total, twin.seal) == ("purging", 3, removal.seal)
    assert [batch.deleted_total for batch in twin.batches.all()] == [3]
