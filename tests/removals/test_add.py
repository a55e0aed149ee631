"""Objects are added to a draft within the permissions and limits of a selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from moderation.exceptions import CannotFreeze, DraftChanged, RemovalError
from moderation.models import Removal
from moderation.models.states import RemovalState
from moderation.removals import add as adding
from moderation.removals.add import Added, add
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.seal import chunks_of_batches, is_sealed
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.removals.keeping import (
    add_picture,
    columns,
    exhibits,
    frozen_keys,
    give_back,
    keep,
    kept,
    refusing,
    volumes,
)

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def keys_of(posts: list[Post]) -> list[int]:
    return [post.pk for post in posts]


def those(posts: list[Post]) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=keys_of(posts))


def add_to(removal: Removal, actor: User, posts: list[Post], guard: Any = None) -> Added:
    return add(removal, seal=removal.seal, objects=those(posts), actor=actor, guard=guard)


def test_added_objects_fill_up_the_only_batch_in_the_order_of_the_keys(
    posts: list[Post], moderator: User
) -> None:
    draft, whole = drafted(posts[2:4], moderator), drafted(posts, moderator)
    old = draft.seal
    assert add_to(draft, moderator, [*posts[4:], *posts[:2]]).total == 4
    assert frozen_keys(draft) == keys_of(posts)
    assert (draft.objects_total, draft.pictures_total, draft.files_total) == (6, 6, 12)
    assert draft.bytes_total == whole.bytes_total
    assert draft.rows_by_model == whole.rows_by_model
    assert draft.seal == whole.seal != old
    confirmed(draft, moderator)
    assert not Post.objects.exists(), "a removal of one batch is deleted immediately"


@override_settings(MODERATION_BATCH_OBJECTS=2)
def test_added_objects_get_batches_of_their_own_within_the_limits(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[3:], moderator)
    before = columns(draft)
    assert add_to(draft, moderator, posts[:3]).total == 3
    assert columns(draft)[:2] == before
    batches = [(batch.addition, batch.objects_total) for batch in draft.batches.order_by("number")]
    assert batches == [(0, 2), (0, 1), (1, 2), (1, 1)]
    assert frozen_keys(draft) == keys_of([*posts[3:], *posts[:3]])
    assert not refreeze_changed(draft)
    confirmed(draft, moderator)
    while delete_next_batch(draft.pk):
        pass
    assert not Post.objects.exists()


@override_settings(MODERATION_BATCH_OBJECTS=2)
def test_batches_that_are_compared_together_have_their_keys_in_order(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[4:], moderator)
    for first in (2, 0):
        add_to(draft, moderator, posts[first : first + 2])
    chunks = [[batch.frozen[0][0] for batch in batches] for batches in chunks_of_batches(draft)]
    assert chunks == [[posts[4].pk], [posts[2].pk], [posts[0].pk]]
    add_picture(posts[0])
    assert refreeze_changed(draft).changed == (posts[0].pk,)


@override_settings(MODERATION_BATCH_OBJECTS=4, MODERATION_BATCH_ROWS=6)
def test_an_added_batch_with_too_many_rows_is_halved(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:])
    assert all(sum(batch.rows_by_model.values()) <= 6 for batch in draft.batches.all())
    assert {batch.addition for batch in draft.batches.all()} == {0, 1}
    assert sorted(frozen_keys(draft)) == keys_of(posts)
    assert is_sealed(draft)


def test_an_object_with_too_many_rows_is_refused_and_nothing_is_added(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    before = columns(draft)
    for _ in range(10):
        add_picture(posts[5])
    with (
        override_settings(MODERATION_BATCH_ROWS=9),
        pytest.raises(CannotFreeze, match="Remove the rows that refer to it first"),
    ):
        add_to(draft, moderator, posts[2:])
    assert columns(draft) == before
    draft.refresh_from_db()
    assert is_sealed(draft)


def test_an_indivisible_selection_stays_in_one_batch(
    posts: list[Post], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "indivisible_reason", lambda _: "a cycle")
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        draft = drafted(posts[:2], moderator)
        add_to(draft, moderator, posts[2:4])
        assert draft.batches.get().objects_total == 4
    with (
        override_settings(MODERATION_BATCH_ROWS=9),
        pytest.raises(CannotFreeze, match=r"in one transaction \(a cycle\)"),
    ):
        add_to(draft, moderator, posts[4:])
    assert frozen_keys(draft) == keys_of(posts[:4])


def test_no_more_are_added_at_once_than_a_transaction_should_have(
    posts: list[Post], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "BATCHES_PER_CHUNK", 2)
    draft = drafted(posts[:1], moderator)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        added = add_to(draft, moderator, posts[1:])
        assert (added.total, added.left) == (4, 1)
        assert frozen_keys(draft) == keys_of(posts[:5])
        added = add_to(draft, moderator, posts[5:])
        assert (added.total, added.left) == (1, 0)


def test_a_ceiling_is_checked_as_for_a_selection(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    with override_settings(MODERATION_REMOVAL_CEILING=5):
        add_to(draft, moderator, posts[2:])
        with pytest.raises(RemovalError, match="You selected 6 posts; the limit for one removal"):
            confirmed(draft, moderator)


def test_a_selected_object_is_not_added_again(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:4], moderator)
    seal = draft.seal
    assert add_to(draft, moderator, posts[:4]).total == 0
    assert (draft.seal, draft.history) == (seal, [])
    assert add_to(draft, moderator, posts).total == 2
    assert frozen_keys(draft) == keys_of(posts)


def test_a_kept_object_is_returned_to_its_batch_instead(posts: list[Post], moderator: User) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        draft = drafted(posts[:4], moderator)
        keep(draft, posts[0], posts[1], posts[3])
        added = add_to(draft, moderator, [posts[0], posts[3], posts[4]])
    assert (added.total, added.returned, bool(added.not_returned.refused)) == (1, 2, False)
    assert kept(draft) == [posts[1].pk]
    assert frozen_keys(draft) == [posts[0].pk, posts[2].pk, posts[3].pk, posts[4].pk]
    assert (draft.objects_total, draft.kept_total) == (4, 1)


def test_an_added_object_can_be_kept_and_returned(posts: list[Post], moderator: User) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        draft = drafted(posts[2:4], moderator)
        add_to(draft, moderator, posts[:2])
        seal = draft.seal
        keep(draft, posts[0], posts[2])
        give_back(draft, moderator)
    assert draft.seal == seal
    assert not refreeze_changed(draft)


@pytest.mark.parametrize("make", [volumes, exhibits])
@pytest.mark.parametrize("size", [2, 500])
def test_added_objects_are_found_unchanged_whatever_their_keys_are(
    make: Callable[[], list[Any]], size: int, moderator: User
) -> None:
    made = make()
    objects, chosen = type(made[0]).objects.all(), [made[2].pk, made[3].pk]
    with override_settings(MODERATION_BATCH_OBJECTS=size):
        draft = freeze(objects.filter(pk__in=chosen), actor=moderator, permissions=[])
        add(draft, seal=draft.seal, objects=objects.exclude(pk=made[4].pk), actor=moderator)
    assert sorted(frozen_keys(draft)) == [str(each.pk) for each in made[:4]]
    assert not refreeze_changed(draft)


def test_an_object_that_was_deleted_is_left_out(posts: list[Post], moderator: User) -> None:
    draft, chosen = drafted(posts[:2], moderator), those(posts[2:])
    posts[5].delete()
    assert add(draft, seal=draft.seal, objects=chosen, actor=moderator).total == 3


@pytest.mark.parametrize("size", [1, 500])
def test_a_refused_object_is_named_and_not_added(
    posts: list[Post], moderator: User, size: int
) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=size):
        draft = drafted(posts[:2], moderator)
        added = add_to(draft, moderator, posts[2:], guard=refusing(posts[0], posts[3]))
    assert added.total == 3
    assert added.refused.names == [f"Post: {posts[3]}"]
    assert frozen_keys(draft) == keys_of([*posts[:3], *posts[4:]])
    assert draft.history[-1]["total"] == 3
    assert is_sealed(draft)


def test_a_draft_stays_as_it_is_if_all_are_refused(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    seal = draft.seal
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        assert not add_to(draft, moderator, posts[2:], guard=refusing(*posts)).total
    assert (draft.seal, draft.history, draft.batches.count()) == (seal, [], 1)


def test_a_moderator_who_lost_the_permission_adds_nothing(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    moderator.groups.clear()
    with pytest.raises(RemovalError, match="You need the permission “Can delete post”"):
        add_to(draft, User.objects.get(pk=moderator.pk), posts[2:])
    assert frozen_keys(draft) == keys_of(posts[:2])


def test_an_older_page_adds_nothing_and_says_what_changed(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    old = draft.seal
    add_to(draft, moderator, posts[2:4])
    for act in (
        lambda: add(draft, seal=old, objects=those(posts[4:]), actor=moderator),
        lambda: confirm(draft, actor=moderator, seal=old, reason="spam"),
    ):
        with pytest.raises(DraftChanged, match="2 posts were added to the selection"):
            act()
    assert frozen_keys(draft) == keys_of(posts[:4])


def test_a_draft_that_is_not_sealed_is_sealed_first(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    draft.batches.update(digest="saved by a request that was killed")
    with pytest.raises(DraftChanged):
        add_to(draft, moderator, posts[2:])
    assert frozen_keys(draft) == keys_of(posts[:2])
    assert is_sealed(draft)


def test_two_drafts_with_the_same_objects_behave_as_two_selections(
    posts: list[Post], moderator: User
) -> None:
    first, second = drafted(posts[:2], moderator), drafted(posts[2:4], moderator)
    add_to(first, moderator, posts[2:])
    add_to(second, moderator, posts[4:])
    confirmed(first, moderator)
    difference = confirm(second, actor=moderator, seal=second.seal, reason="spam")
    assert difference.deleted == tuple(keys_of(posts[2:]))
    second.refresh_from_db()
    assert second.state == RemovalState.DRAFT


@override_settings(MODERATION_BATCH_OBJECTS=100)
def test_adding_takes_the_same_queries_for_any_number_of_objects(
    marked: None, make_posts: MakePosts, moderator: User
) -> None:
    def queries(count: int) -> int:
        posts = make_posts(100 + count, images=1)
        draft = drafted(posts[:100], moderator)
        with CaptureQueriesContext(connection) as captured:
            add_to(draft, moderator, posts[100:], guard=refusing(posts[100]))
        return len(captured)

    queries(2)  # the permissions are read once
    assert queries(3) == queries(30)
