"""Objects that the actor may not remove are excluded from a draft, a few batches at a time."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from moderation.exceptions import DraftChanged, RemovalError
from moderation.models import Removal
from moderation.removals import draft as drafts
from moderation.removals import seal as seals
from moderation.removals.check_first import undecided
from moderation.removals.draft import exclude_refused, refreeze_changed
from moderation.removals.seal import is_sealed
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.removals.keeping import Killed, frozen_keys, give_back, keep, refusing
from tests.review_rules.waves import make_post, make_wave

pytestmark = pytest.mark.django_db(transaction=True)


def marked(removal: Removal) -> list[str]:
    return list(removal.marked_objects.values_list("key", flat=True))


def test_refused_objects_of_several_batches_are_excluded_and_counted(
    draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "BATCHES_PER_CHUNK", 1)
    refused = exclude_refused(draft, refusing(posts[0], posts[2], posts[3]))
    assert (refused.total, refused.names[0]) == (3, f"Post: {posts[0]}")
    assert frozen_keys(draft) == [posts[1].pk, posts[4].pk, posts[5].pk]
    assert [(each["change"], each["total"]) for each in draft.history] == [
        ("refused", 1),
        ("refused", 2),
    ]
    assert is_sealed(draft)


def test_a_draft_without_refused_objects_stays_as_it_is(draft: Removal) -> None:
    seal = draft.seal
    assert not exclude_refused(draft, refusing())
    assert (draft.seal, draft.history) == (seal, [])


def test_a_guard_that_refuses_an_object_of_no_batch_excludes_nothing(
    draft: Removal, posts: list[Post]
) -> None:
    before = frozen_keys(draft)
    with pytest.raises(RemovalError, match="cannot be excluded"):
        exclude_refused(draft, lambda _: {posts[0].pk: "A post", -1: "Another"})
    assert frozen_keys(draft) == before
    assert is_sealed(Removal.objects.get(pk=draft.pk))


def test_batches_that_another_confirmation_saved_are_marked_before_the_draft_is_sealed(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has saved a post that lost its picture, and runs the rules at this moment."""
    wave = make_wave(30)
    draft = drafted(wave, moderator)
    other = Removal.objects.get(pk=draft.pk)
    wave[0].post_images.all().delete()

    def die(*_: Any) -> None:
        raise Killed

    def guard(batch: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(drafts, "mark_and_reseal", die)
            with pytest.raises(Killed):
                refreeze_changed(other)
        return refusing(wave[1])(batch)

    with pytest.raises(DraftChanged):
        exclude_refused(draft, guard)
    assert is_sealed(draft)
    assert [each.key for each in undecided(draft)] == [str(wave[0].pk)]
    assert wave[1].pk in frozen_keys(draft), "and is refused by the next confirmation"


def test_a_refused_object_needs_no_decision_and_does_not_count_as_decided(
    moderator: User,
) -> None:
    odd = [make_post(), make_post()]
    draft = drafted([*make_wave(40), *odd], moderator)
    exclude_refused(draft, refusing(odd[0]))
    assert marked(draft) == [str(odd[1].pk)]


def test_a_kept_object_that_was_deleted_does_not_count_as_decided(moderator: User) -> None:
    odd = [make_post(), make_post()]
    draft = drafted([*make_wave(40), *odd], moderator)
    keep(draft, odd[0])
    odd[0].delete()
    give_back(draft, moderator)
    assert marked(draft) == [str(odd[1].pk)]


@override_settings(MODERATION_BATCH_OBJECTS=2)
def test_what_is_left_of_a_draft_can_be_confirmed(posts: list[Post], moderator: User) -> None:
    draft = drafted(posts, moderator)
    exclude_refused(draft, refusing(*posts[:2]))
    confirmed(draft, moderator)
    assert draft.objects_total == 4
