"""The most recent addition to a draft can be undone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.test import override_settings

from moderation.exceptions import DraftChanged, RemovalError
from moderation.models import Removal
from moderation.removals.add import add, undo_add
from moderation.removals.draft import refreeze_changed
from moderation.removals.seal import is_sealed
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.removals.keeping import frozen_keys, give_back, keep, kept, refusing

pytestmark = pytest.mark.django_db(transaction=True)


def keys_of(posts: list[Post]) -> list[int]:
    return [post.pk for post in posts]


def those(posts: list[Post]) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=keys_of(posts))


def add_to(removal: Removal, actor: User, posts: list[Post], **given: object) -> None:
    add(removal, seal=removal.seal, objects=those(posts), actor=actor, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [2, 500])
def test_the_draft_is_as_it_was_before_the_addition(
    posts: list[Post], moderator: User, size: int
) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=size):
        draft = drafted(posts[2:4], moderator)
        seal, batches = draft.seal, draft.batches.count()
        add_to(draft, moderator, [*posts[:2], *posts[4:]])
        assert undo_add(draft, seal=draft.seal) == 4
    assert (draft.seal, draft.batches.count()) == (seal, batches)
    assert frozen_keys(draft) == keys_of(posts[2:4])
    assert kept(draft) == []
    assert not refreeze_changed(draft)
    confirmed(draft, moderator)
    assert Post.objects.count() == 4


def test_only_the_last_addition_is_undone(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:4])
    add_to(draft, moderator, posts[4:], guard=refusing(posts[5]))
    assert undo_add(draft, seal=draft.seal) == 1
    assert frozen_keys(draft) == keys_of(posts[:4])
    with pytest.raises(RemovalError, match="no addition left to undo"):
        undo_add(draft, seal=draft.seal)
    assert is_sealed(draft)


def test_an_addition_of_nothing_leaves_the_former_one_to_be_undone(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:4])
    add_to(draft, moderator, posts[4:], guard=refusing(*posts))
    assert undo_add(draft, seal=draft.seal) == 2


def test_what_was_decided_since_the_addition_stays(posts: list[Post], moderator: User) -> None:
    """Of the four that were added, one was kept, and another one kept and returned."""
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:])
    keep(draft, posts[2])
    keep(draft, posts[3])
    give_back(draft, moderator, posts[3])
    assert undo_add(draft, seal=draft.seal) == 2
    assert frozen_keys(draft) == keys_of([*posts[:2], posts[3]])
    assert kept(draft) == [posts[2].pk]


def test_an_added_object_that_was_deleted_is_ignored(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:4])
    those(posts[2:3]).delete()
    assert refreeze_changed(draft).deleted
    assert undo_add(draft, seal=draft.seal) == 1
    assert frozen_keys(draft) == keys_of(posts[:2])


def test_an_addition_whose_objects_were_all_deleted_is_no_longer_offered(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:4])
    those(posts[2:4]).delete()
    assert refreeze_changed(draft).deleted
    assert not draft.batches.filter(last_added_total__gt=0).exists()


def test_marks_of_added_objects_are_deleted(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts[:2], moderator)
    add_to(draft, moderator, posts[2:4])
    for post in posts[1:3]:
        draft.marked_objects.create(key=str(post.pk))
    undo_add(draft, seal=draft.seal)
    assert [mark.key for mark in draft.marked_objects.all()] == [str(posts[1].pk)]


def test_an_older_page_undoes_nothing_and_a_second_undo_says_that_it_was_undone(
    posts: list[Post], moderator: User
) -> None:
    draft = drafted(posts[:2], moderator)
    old = draft.seal
    add_to(draft, moderator, posts[2:4])
    with pytest.raises(DraftChanged, match="2 posts were added"):
        undo_add(draft, seal=old)
    new = draft.seal
    undo_add(draft, seal=new)
    with pytest.raises(DraftChanged, match="the addition of 2 posts was undone"):
        undo_add(draft, seal=new)
    assert frozen_keys(draft) == keys_of(posts[:2])
