"""Kept objects return to the selection as they are now, if the moderator may still remove them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from moderation.exceptions import DraftChanged, RemovalError
from moderation.models import Removal
from moderation.removals.draft import confirm, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.keep import last_kept_keys, return_kept
from moderation.removals.seal import is_sealed
from moderation.review_rules.apply import SMALLEST_SELECTION
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.removals.keeping import (
    Killed,
    add_picture,
    batch_keys,
    columns,
    exhibits,
    frozen_keys,
    give_back,
    keep,
    kept,
    killing,
    refusing,
    volumes,
)

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def test_a_draft_is_the_same_after_objects_were_kept_and_returned(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    seal, before = draft.seal, columns(draft)
    keep(draft, posts[1], posts[2])
    keep(draft, posts[0])
    assert not give_back(draft, moderator).deleted
    assert (draft.seal, columns(draft)) == (seal, before)
    assert (draft.kept_total, draft.objects_total) == (0, 6)


def test_a_draft_that_was_emptied_can_be_filled_again_and_confirmed(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    before = columns(draft)
    keep(draft, *posts)
    give_back(draft, moderator)
    assert columns(draft) == before
    confirmed(draft, moderator)
    assert draft.batches.count() == 3


def test_one_object_returns_and_the_others_stay_kept(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:4])
    give_back(draft, moderator, posts[1])
    assert kept(draft) == [posts[0].pk, posts[2].pk, posts[3].pk]
    assert list(last_kept_keys(draft)) == batch_keys(draft, [posts[0], *posts[2:4]])
    assert frozen_keys(draft) == [posts[1].pk, posts[4].pk, posts[5].pk]
    give_back(draft, moderator, posts[0])
    give_back(draft, moderator, *posts[2:4])
    assert list(last_kept_keys(draft)) == []


def test_an_object_returns_as_it_is_now(draft: Removal, posts: list[Post], moderator: User) -> None:
    keep(draft, posts[0])
    add_picture(posts[0])
    give_back(draft, moderator, posts[0])
    assert draft.pictures_total == 7
    confirmed(draft, moderator)


def test_a_return_does_not_hide_that_another_object_changed(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    add_picture(posts[1])
    give_back(draft, moderator, posts[0])
    difference = confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    assert (difference.changed, difference.deleted) == ((posts[1].pk,), ())


def test_a_deleted_object_is_named_and_no_longer_kept(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:3])
    gone = posts[0].pk
    posts[0].delete()
    not_returned = give_back(draft, moderator)
    assert (str(not_returned.deleted), not_returned.refused.total) == (str(gone), 0)
    assert (kept(draft), draft.kept_total) == ([], 0)
    assert frozen_keys(draft) == [post.pk for post in posts[1:]]


def test_a_batch_without_objects_is_deleted_with_its_last_kept_object(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:2])
    Post.objects.filter(pk__in=[post.pk for post in posts[:2]]).delete()
    assert give_back(draft, moderator).deleted.total == 2
    assert draft.batches.count() == 2
    assert is_sealed(draft)
    confirmed(draft, moderator)


def test_a_refused_object_is_named_and_stays_kept(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:3])
    not_returned = give_back(draft, moderator, guard=refusing(posts[1], posts[5]))
    assert not_returned.refused.names == [f"Post: {posts[1]}"]
    assert kept(draft) == [posts[1].pk]
    assert frozen_keys(draft) == [posts[0].pk, *[post.pk for post in posts[2:]]]


def test_the_guard_is_not_called_for_deleted_objects(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    guard = refusing(posts[0])
    posts[0].delete()
    not_returned = give_back(draft, moderator, guard=guard)
    assert (not_returned.deleted.total, not_returned.refused.total) == (1, 0)


def test_a_moderator_who_lost_the_permission_returns_nothing(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    moderator.groups.clear()
    with pytest.raises(RemovalError, match="You need the permission “Can delete post”"):
        give_back(draft, User.objects.get(pk=moderator.pk))
    User.objects.filter(pk=moderator.pk).update(is_staff=False)
    with pytest.raises(RemovalError, match="no longer use the admin"):
        give_back(draft, User.objects.get(pk=moderator.pk))
    assert kept(draft) == [posts[0].pk]


def test_a_batch_does_not_become_larger_than_one_transaction(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    before = columns(draft)
    with override_settings(MODERATION_BATCH_ROWS=3), pytest.raises(RemovalError, match="Too many"):
        give_back(draft, moderator)
    assert columns(draft) == before
    draft.refresh_from_db()
    assert is_sealed(draft)


@pytest.mark.parametrize("batches", [[], [(1, ["1"])], [(1024, ["-1", "x"])]])
def test_objects_that_are_not_kept_cannot_be_returned(
    draft: Removal, posts: list[Post], moderator: User, batches: Any
) -> None:
    keep(draft, posts[0])
    with pytest.raises(DraftChanged, match="no longer kept"):
        return_kept(draft, seal=draft.seal, keys_by_batch=batches, actor=moderator)
    assert kept(draft) == [posts[0].pk]


def test_the_undo_of_another_tab_is_refused(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    old = draft.seal
    give_back(draft, moderator)
    keep(draft, posts[3])
    with pytest.raises(DraftChanged, match=r"1 post was returned .*; 1 post was kept"):
        return_kept(draft, seal=old, keys_by_batch=last_kept_keys(draft), actor=moderator)
    assert kept(draft) == [posts[3].pk]


def test_an_interrupted_return_cannot_be_confirmed_with_the_old_seal(
    draft: Removal, posts: list[Post], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(draft, posts[0], posts[2])
    old = draft.seal
    with monkeypatch.context() as patch:
        killing(patch, "save_batch")
        with pytest.raises(Killed):
            give_back(draft, moderator)
    draft.refresh_from_db()
    assert (kept(draft), draft.objects_total) == ([posts[2].pk], 5)
    with pytest.raises(DraftChanged, match="1 post was returned"):
        confirm(draft, actor=moderator, seal=old, reason="spam")
    confirmed(draft, moderator)
    assert draft.objects_total == 5


def test_a_draft_that_is_not_sealed_is_sealed_first(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, posts[0])
    draft.batches.filter(kept_total=0).update(digest="saved by a request that was killed")
    with pytest.raises(DraftChanged):
        give_back(draft, moderator)
    assert kept(draft) == [posts[0].pk]
    assert is_sealed(draft)
    give_back(draft, moderator)


@pytest.mark.parametrize("make", [volumes, exhibits])
@pytest.mark.parametrize("numbers", [[0], [4], [2, 0], [4, 3], [4, 0, 2]])
def test_returned_objects_have_their_place_in_the_order_of_the_keys(
    make: Callable[[], list[Any]], numbers: list[int], moderator: User
) -> None:
    made = make()
    with override_settings(MODERATION_BATCH_OBJECTS=3):
        removal = freeze(type(made[0]).objects.all(), actor=moderator, permissions=[])
    seal = removal.seal
    for number in numbers:
        keep(removal, made[number])
    give_back(removal, moderator)
    assert removal.seal == seal
    assert not refreeze_changed(removal)


@pytest.mark.parametrize("gone", [0, 1, 2])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_object_that_was_deleted_in_the_meantime_is_still_found_missing(
    posts: list[Post], moderator: User, gone: int, number: int
) -> None:
    if gone == number:
        return
    removal, missing = drafted(posts[:3], moderator), posts[gone].pk
    keep(removal, posts[number])
    posts[gone].delete()
    give_back(removal, moderator)
    difference = refreeze_changed(removal)
    assert (difference.changed, difference.deleted) == ((), (missing,))


def test_returning_takes_the_same_queries_for_any_number_of_objects(
    marked: None, make_posts: MakePosts, moderator: User
) -> None:
    def queries(count: int) -> int:
        posts = make_posts(count, images=1)
        removal = drafted(posts, moderator)
        keep(removal, *posts)
        with CaptureQueriesContext(connection) as captured:
            give_back(removal, moderator, guard=refusing())
        return len(captured)

    queries(SMALLEST_SELECTION)  # the permissions are read once, and the author gets other posts
    assert queries(SMALLEST_SELECTION + 10) == queries(SMALLEST_SELECTION + 50)
