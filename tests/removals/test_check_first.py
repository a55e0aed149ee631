"""Marked objects must be kept or reviewed before a draft can be confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet

from moderation.exceptions import DraftChanged, RemovalError
from moderation.lifecycle.removals import cancel
from moderation.models import MarkedObject, Removal
from moderation.models.states import RemovalState
from moderation.removals import check_first
from moderation.removals.check_first import (
    check_decided,
    review,
    review_all,
    reviewed_keys,
    undecided,
    undo_review,
)
from moderation.removals.draft import Difference, confirm, expire_drafts, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.keep import exclude
from moderation.review_rules.apply import SMALLEST_SELECTION
from posts.models import Post, PostImage
from tests.helpers import CODES, confirmed
from tests.review_rules.waves import make_post, make_wave
from tests.testapp.models import Exhibit

pytestmark = pytest.mark.django_db(transaction=True)

UNIQUE = "a" * 64


@pytest.fixture
def odd() -> list[Post]:
    """A post without a picture, and one with a picture of its own that is also much older."""
    make_wave()
    return [make_post(), make_post(UNIQUE, hours=-24 * 30)]


@pytest.fixture
def draft(odd: list[Post], moderator: User) -> Removal:
    """A draft of a wave and of the two posts that differ from it."""
    return freeze(Post.objects.all(), actor=moderator, permissions=CODES)


def marked(removal: Removal) -> dict[int, list[str]]:
    """The names of the rules that mark each post."""
    return {
        int(each.key): [name for name, _parameters in each.rules]
        for each in removal.marked_objects.order_by("-weight", "pk")
    }


def keys(queryset: QuerySet[MarkedObject]) -> set[str]:
    return set(queryset.values_list("key", flat=True))


def mark_of(removal: Removal, post: Post) -> int:
    """Return the key of a post's mark."""
    return removal.marked_objects.get(key=str(post.pk)).pk


def test_the_freeze_marks_what_differs(draft: Removal, odd: list[Post]) -> None:
    without, old = odd
    assert marked(draft) == {
        without.pk: ["no_picture"],
        old.pk: ["unique_picture", "much_older"],
    }
    found = draft.marked_objects.get(key=str(old.pk))
    assert found.rules[1] == ["much_older", {"days": 30}]
    assert found.weight == 2


def test_a_draft_with_marked_objects_cannot_be_confirmed(draft: Removal, moderator: User) -> None:
    with pytest.raises(RemovalError, match="2 posts differ from the rest"):
        confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    draft.refresh_from_db()
    assert draft.state == RemovalState.DRAFT
    assert Post.objects.count() == 42


def test_it_can_be_confirmed_when_each_was_kept_or_reviewed(
    draft: Removal, odd: list[Post], moderator: User
) -> None:
    seal = draft.seal
    assert review(draft, [mark_of(draft, odd[0])]) == 1
    draft.refresh_from_db()
    assert draft.seal == seal
    with pytest.raises(RemovalError, match="1 post differs from the rest"):
        check_decided(draft)
    exclude(draft, seal=seal, keys_by_batch=[(draft.batches.get().number, [str(odd[1].pk)])])
    confirmed(draft, moderator)
    assert list(Post.objects.all()) == [odd[1]]


def test_all_can_be_reviewed_at_once(draft: Removal, moderator: User) -> None:
    assert review_all(draft, seal=draft.seal) == 2
    assert review_all(draft, seal=draft.seal) == 0
    confirmed(draft, moderator)
    assert not Post.objects.exists()


def test_a_review_ignores_other_objects_and_what_was_reviewed(
    draft: Removal, odd: list[Post], moderator: User
) -> None:
    other = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert review(draft, [0, -1, mark_of(other, odd[0])]) == 0
    assert review(draft, [mark_of(draft, odd[0])] * 2) == 1
    assert review(draft, [mark_of(draft, odd[0])]) == 0
    assert keys(undecided(draft)) == {str(odd[1].pk)}


def test_the_keys_of_reviewed_objects_are_those_of_the_model(
    draft: Removal, odd: list[Post], moderator: User
) -> None:
    review(draft, [mark_of(draft, odd[0])])
    assert list(Post.objects.filter(pk__in=reviewed_keys(draft))) == [odd[0]]
    exhibit, _other = Exhibit.objects.create(), Exhibit.objects.create()  # their keys are UUIDs
    removal = freeze(Exhibit.objects.all(), actor=moderator, permissions=[])
    removal.marked_objects.create(key=str(exhibit.pk), is_reviewed=True)
    assert list(Exhibit.objects.filter(pk__in=reviewed_keys(removal))) == [exhibit]


def test_a_review_of_all_needs_the_seal_of_the_draft(draft: Removal) -> None:
    """In another tab the selection changed, so this one no longer shows it."""
    old = draft.seal
    spam = Post.objects.get(title="Spam 1")
    exclude(draft, seal=old, keys_by_batch=[(draft.batches.get().number, [str(spam.pk)])])
    with pytest.raises(DraftChanged, match="1 post was kept"):
        review_all(draft, seal=old)
    with pytest.raises(DraftChanged):
        undo_review(draft, seal=old)
    assert undecided(draft).count() == 2


def test_a_review_counts_only_for_the_object_as_it_was_shown(
    draft: Removal, odd: list[Post]
) -> None:
    """An object that changed, or was kept and returned, has another mark than on the old page."""
    marks = [mark_of(draft, post) for post in odd]
    odd[1].post_images.update(image="other.jpg")
    assert refreeze_changed(draft)
    assert review(draft, marks) == 1
    assert keys(undecided(draft)) == {str(odd[1].pk)}


def test_a_small_draft_whose_object_changed_needs_a_new_review(moderator: User) -> None:
    """There are too few objects to compare, so the reasons stay the same."""
    make_wave()
    odd = make_post()
    draft = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    mark = mark_of(draft, odd)
    for batch in draft.batches.all():
        spam = [str(key) for key, _ in batch.frozen if key != odd.pk]
        exclude(draft, seal=draft.seal, keys_by_batch=[(batch.number, spam[:-1])])
    before = draft.marked_objects.values_list("rules", "weight").get(key=str(odd.pk))
    Post.objects.filter(pk=odd.pk).update(title="Changed")
    PostImage.objects.create(post=odd, image="a", thumbnail="b", size=1, width=1, height=1)
    assert refreeze_changed(draft)
    assert review(draft, [mark]) == 0
    assert draft.marked_objects.values_list("rules", "weight").get(key=str(odd.pk)) == before
    assert undecided(draft).count() == 1


def test_the_last_review_can_be_undone(draft: Removal, odd: list[Post]) -> None:
    assert review(draft, [mark_of(draft, odd[0])]) == 1
    assert review_all(draft, seal=draft.seal) == 1
    assert review(draft, [mark_of(draft, odd[0])]) == 0  # nothing new, so nothing else to undo
    assert undo_review(draft, seal=draft.seal) == 1
    assert keys(undecided(draft)) == {str(odd[1].pk)}
    assert undo_review(draft, seal=draft.seal) == 0


def test_a_review_that_is_undone_during_the_confirmation_does_not_count(
    draft: Removal, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    review_all(draft, seal=draft.seal)

    def undo_in_another_tab(removal: Removal) -> Difference:
        undo_review(removal, seal=removal.seal)
        return refreeze_changed(removal)

    monkeypatch.setattr("moderation.removals.draft.refreeze_changed", undo_in_another_tab)
    total = str(draft.objects_total)
    with pytest.raises(RemovalError, match="have not been reviewed"):
        confirm(draft, actor=moderator, seal=draft.seal, reason="spam", typed_count=total)
    assert Post.objects.count() == draft.objects_total


def test_a_review_does_not_change_what_is_no_longer_a_draft(
    draft: Removal, odd: list[Post]
) -> None:
    mark = mark_of(draft, odd[0])
    Removal.objects.update(state=RemovalState.CANCELLED)
    assert review(draft, [mark]) == 0
    assert undecided(draft).count() == 2


def test_a_kept_object_that_returns_must_be_reviewed_again(draft: Removal, odd: list[Post]) -> None:
    batch = draft.batches.get()
    frozen = batch.frozen
    exclude(draft, seal=draft.seal, keys_by_batch=[(batch.number, [str(odd[0].pk)])])
    assert keys(undecided(draft)) == {str(odd[1].pk)}
    draft.batches.update(frozen=frozen)  # as returning it does
    assert undecided(draft).count() == 2


def test_an_object_that_changed_is_marked_again(
    draft: Removal, odd: list[Post], moderator: User
) -> None:
    """One got a picture of the wave, a reviewed one got another picture that nobody else has."""
    review_all(draft, seal=draft.seal)
    spam = Post.objects.get(title="Spam 1")
    for post, sha256 in ((odd[0], "0" * 64), (odd[1], "b" * 64), (spam, "c" * 64)):
        name = f"late-{post.pk}"
        PostImage.objects.create(
            post=post, sha256=sha256, image=name, thumbnail=name, size=1, width=1, height=1
        )
    difference = confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    assert len(difference.changed) == 3
    assert marked(draft) == {
        odd[1].pk: ["unique_picture", "much_older"],
        spam.pk: ["unique_picture"],
    }
    assert undecided(draft).count() == 2
    review_all(draft, seal=draft.seal)
    confirmed(draft, moderator)


def test_objects_that_did_not_change_need_no_second_review(draft: Removal, odd: list[Post]) -> None:
    review(draft, [mark_of(draft, odd[1])])
    Post.objects.filter(title="Spam 1").get().post_images.update(image="other.jpg")
    assert refreeze_changed(draft)
    assert keys(undecided(draft)) == {str(odd[0].pk)}


def test_an_object_that_was_deleted_is_no_longer_marked(draft: Removal, odd: list[Post]) -> None:
    odd[1].delete()
    assert refreeze_changed(draft).deleted
    assert list(marked(draft)) == [odd[0].pk]


def test_a_rule_that_applies_to_too_many_is_stored_with_the_numbers(moderator: User) -> None:
    make_wave()
    for _ in range(12):
        make_post()
    draft = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert draft.dropped_rules == [["no_picture", 12, 52]]
    assert not draft.marked_objects.exists()
    confirmed(draft, moderator)


def test_a_small_selection_has_no_rest_to_differ_from(moderator: User) -> None:
    make_wave(SMALLEST_SELECTION - 2)
    make_post()
    draft = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert not draft.marked_objects.exists()
    make_wave(1)
    larger = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert larger.marked_objects.exists()
    confirmed(draft, moderator)


def test_several_batches_are_compared_as_one_selection(moderator: User, settings: Any) -> None:
    settings.MODERATION_BATCH_OBJECTS = 10
    make_wave()
    first = make_post(UNIQUE)
    make_wave(20)
    last = make_post(UNIQUE, "b" * 64)
    draft = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert marked(draft) == {last.pk: ["unique_picture"]}
    assert first.pk not in marked(draft)


def test_a_cancelled_or_expired_draft_has_no_marks(draft: Removal, moderator: User) -> None:
    other = freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    cancel(draft)
    assert not draft.marked_objects.exists()
    Removal.objects.filter(pk=other.pk).update(created_at="2026-01-01T00:00:00Z")
    assert expire_drafts() == 1
    assert not MarkedObject.objects.exists()


def test_a_rule_that_fails_leaves_no_draft(
    odd: list[Post], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(check_first, "apply_rules", fail)
    with pytest.raises(ZeroDivisionError):
        freeze(Post.objects.all(), actor=moderator, permissions=CODES)
    assert not Removal.objects.exists()
