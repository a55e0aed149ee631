"""Objects that the moderator keeps leave the selection, and are stored with their batch."""

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
from moderation.models.states import BatchState
from moderation.registry.content import content_of
from moderation.removals import keep as keep_module
from moderation.removals.draft import confirm, exclude_refused, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.keep import exclude, kept_keys, last_kept_keys, selected_keys
from moderation.removals.owners import keys_by_batch, keys_of_objects, keys_with_owner_of
from moderation.removals.seal import is_sealed
from posts.models import Post, PostImage
from tests.helpers import CODES, confirmed, drafted
from tests.removals.keeping import Killed, batch_keys, frozen_keys, keep, kept, killing, refusing
from tests.testapp.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def test_kept_objects_are_stored_in_the_order_in_which_they_were_kept(
    posts: list[Post], moderator: User
) -> None:
    removal = drafted(posts, moderator)
    keep(removal, posts[2])
    keep(removal, posts[0])
    assert kept(removal) == [posts[2].pk, posts[0].pk]
    assert (removal.kept_total, removal.objects_total, removal.pictures_total) == (2, 4, 4)
    assert posts[2].pk not in frozen_keys(removal)


def test_several_objects_of_several_batches_are_one_change(
    draft: Removal, posts: list[Post]
) -> None:
    old = draft.seal
    keep(draft, posts[0], posts[3], posts[4])
    assert kept(draft) == [posts[0].pk, posts[3].pk, posts[4].pk]
    assert (draft.kept_total, draft.objects_total) == (3, 3)
    assert is_sealed(draft)
    with pytest.raises(DraftChanged, match="3 posts were kept"):
        exclude(draft, seal=old, keys_by_batch=batch_keys(draft, [posts[1]]))


@pytest.mark.parametrize("batches", [[], [(1, ["1"])], [(1024, ["-1", "x"])], [(1024, [])]])
def test_objects_that_are_not_selected_cannot_be_kept(
    draft: Removal, batches: list[tuple[int, list[str]]]
) -> None:
    before = frozen_keys(draft)
    with pytest.raises(DraftChanged, match="no longer in this selection"):
        exclude(draft, seal=draft.seal, keys_by_batch=batches)
    draft.refresh_from_db()
    assert (frozen_keys(draft), kept(draft), draft.history) == (before, [], [])


def test_objects_that_are_already_kept_stay_kept(draft: Removal, posts: list[Post]) -> None:
    exclude(draft, seal=draft.seal, keys_by_batch=batch_keys(draft, posts[:2]))
    draft.refresh_from_db()
    exclude(draft, seal=draft.seal, keys_by_batch=batch_keys(draft, posts[:1]))
    draft.refresh_from_db()
    assert kept(draft) == [posts[0].pk, posts[1].pk]
    assert sum(batch.last_kept_total for batch in draft.batches.all()) == 2


def test_a_batch_whose_last_object_was_kept_stays_until_the_draft_is_confirmed(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:2])
    first = draft.batches.order_by("number")[0]
    assert (first.frozen, first.objects_total, first.files_total) == ([], 0, 0)
    assert first.kept == [posts[0].pk, posts[1].pk]
    confirmed(draft, moderator)
    assert [batch.objects_total for batch in draft.batches.all()] == [2, 2]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_the_only_batch_with_objects_is_deleted_with_the_confirmation(
    draft: Removal, posts: list[Post], moderator: User, left: int
) -> None:
    stay = [post for number, post in enumerate(posts) if number // 2 != left]
    keep(draft, *stay)
    assert draft.batches.count() == 3
    confirmed(draft, moderator)
    assert (draft.state, draft.batches.get().state) == ("purging", BatchState.DELETED)
    assert list(Post.objects.order_by("pk")) == stay


def test_empty_batches_do_not_disturb_the_comparison_with_the_database(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts[:2], *posts[4:])
    assert not refreeze_changed(draft)
    PostImage.objects.filter(post=posts[3]).delete()
    assert refreeze_changed(draft).changed == (posts[3].pk,)
    confirmed(draft, moderator)
    assert set(Post.objects.all()) == {*posts[:2], *posts[4:]}


def test_a_draft_of_which_everything_was_kept_cannot_be_confirmed(
    draft: Removal, posts: list[Post], moderator: User
) -> None:
    keep(draft, *posts)
    assert (draft.objects_total, draft.batches.count()) == (0, 3)
    with pytest.raises(RemovalError, match="You kept everything that was selected"):
        confirm(draft, actor=moderator, seal=draft.seal, reason="spam")


def test_refused_and_deleted_objects_are_not_kept(draft: Removal, posts: list[Post]) -> None:
    gone = posts[0].pk
    posts[0].delete()
    posts[1].delete()
    assert exclude_refused(draft, refusing(posts[3])).total == 1
    assert refreeze_changed(draft).deleted[0] == gone
    assert (kept(draft), draft.kept_total, draft.batches.count()) == ([], 0, 2)


def test_the_last_keep_is_known_until_the_next(draft: Removal, posts: list[Post]) -> None:
    keep(draft, *posts[:3])
    assert list(last_kept_keys(draft)) == batch_keys(draft, posts[:3])
    keep(draft, posts[4])
    assert list(last_kept_keys(draft)) == batch_keys(draft, posts[4:5])


def test_an_interrupted_keep_cannot_be_confirmed_with_the_old_seal(
    draft: Removal, posts: list[Post], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = draft.seal
    with monkeypatch.context() as patch:
        killing(patch, "save_without")
        with pytest.raises(Killed):
            keep(draft, posts[0], posts[2], posts[4])
    draft.refresh_from_db()
    assert (kept(draft), draft.objects_total) == ([posts[0].pk], 5)
    assert list(last_kept_keys(draft)) == batch_keys(draft, posts[:1])
    with pytest.raises(DraftChanged, match="1 post was kept"):
        confirm(draft, actor=moderator, seal=old, reason="spam")
    assert Post.objects.count() == 6
    confirmed(draft, moderator)


def test_a_keep_that_another_tab_overtakes_stops(
    draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_module, "BATCHES_PER_CHUNK", 1)

    def with_other_tab() -> Any:
        yield batch_keys(draft, posts[:1])[0]
        yield batch_keys(draft, posts[2:3])[0]
        other = Removal.objects.get(pk=draft.pk)
        keep(other, posts[5])
        yield batch_keys(draft, posts[4:5])[0]

    with pytest.raises(DraftChanged, match="1 post was kept"):
        exclude(draft, seal=draft.seal, keys_by_batch=with_other_tab())
    draft.refresh_from_db()
    assert kept(draft) == [posts[0].pk, posts[2].pk, posts[5].pk]
    assert is_sealed(draft)


def test_all_objects_of_an_owner_are_found(
    marked: None, make_posts: MakePosts, moderator: User
) -> None:
    """This includes those without a picture, so no row with files leads to their author."""
    spam, good = make_posts(5, images=0), make_posts(3, images=1, author="regular")
    with override_settings(MODERATION_BATCH_OBJECTS=3):
        removal = drafted([*spam, *good], moderator)
    number, (key,) = batch_keys(removal, good[1:2])[0]
    found = dict(keys_with_owner_of(removal, number, key, selected_keys(removal)))
    assert sorted(key for keys in found.values() for key in keys) == [str(p.pk) for p in good]
    exclude(removal, seal=removal.seal, keys_by_batch=found.items())
    assert frozen_keys(removal) == [post.pk for post in spam]


@pytest.mark.parametrize("key", ["", "-1", "x", "0"])
def test_the_owner_of_an_object_that_is_not_selected_is_not_looked_up(
    draft: Removal, key: str
) -> None:
    number = draft.batches.order_by("number")[0].number
    with pytest.raises(DraftChanged, match="no longer in this draft"):
        list(keys_with_owner_of(draft, number, key, selected_keys(draft)))


def test_an_owner_is_known_where_a_registration_leads_to_it() -> None:
    assert content_of(Post).owner == "author__username"
    assert content_of(PostImage).owner == "post__author__username"
    assert content_of(User).owner == ""
    assert content_of(Volume).owner == ""


def large_draft(actor: User, author: str, objects: int, batch: int) -> Removal:
    user = User.objects.create_user(author)
    Post.objects.bulk_create(Post(author=user, title=str(n)) for n in range(objects))
    with override_settings(MODERATION_BATCH_OBJECTS=batch):
        mine = Post.objects.filter(author=user)
        return freeze(mine, actor=actor, permissions=CODES)


def test_keeping_1200_objects_of_an_owner_takes_the_same_queries_for_each_batch(
    moderator: User,
) -> None:
    def queries(objects: int, batch: int) -> int:
        removal = large_draft(moderator, f"{objects}-{batch}", objects, batch)
        first = removal.batches.order_by("number")[0]
        key, among = str(first.frozen[0][0]), selected_keys(removal)
        keys = keys_with_owner_of(removal, first.number, key, among)
        with CaptureQueriesContext(connection) as captured:
            exclude(removal, seal=removal.seal, keys_by_batch=keys)
        assert (removal.kept_total, removal.objects_total) == (objects, 0)
        return len(captured)

    of_three = queries(1_200, 400)
    assert of_three == queries(6, 2)
    of_six, of_nine = queries(12, 2), queries(18, 2)
    assert of_six - of_three == of_nine - of_six


def test_the_keys_of_many_batches_are_found_with_the_same_queries(moderator: User) -> None:
    def queries(objects: int) -> tuple[int, int]:
        removal = large_draft(moderator, f"{objects} in batches", objects, 2)
        with CaptureQueriesContext(connection) as captured:
            found = list(keys_of_objects(Post.objects.all(), selected_keys(removal)))
        assert [len(keys) for _number, keys in found] == [2] * (objects // 2)
        exclude(removal, seal=removal.seal, keys_by_batch=found)
        with CaptureQueriesContext(connection) as kept_keys_captured:
            assert list(last_kept_keys(removal)) == list(kept_keys(removal)) == found
        return len(captured), len(kept_keys_captured)

    assert queries(6) == queries(40)


def test_the_batches_of_keys_are_found_without_the_objects_outside(
    draft: Removal, posts: list[Post], make_posts: MakePosts
) -> None:
    (outside,) = make_posts(1)
    wanted = [posts[5], posts[0], outside, posts[1]]
    keys = [post.pk for post in wanted]
    assert sorted(keys_by_batch(draft, keys)) == batch_keys(draft, wanted)
    objects = Post.objects.filter(pk__in=keys)
    assert list(keys_of_objects(objects, selected_keys(draft))) == batch_keys(draft, wanted)
