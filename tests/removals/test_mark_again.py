"""Objects that come into a draft are marked, and must be reviewed, exactly once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from moderation.exceptions import DraftChanged, RemovalError
from moderation.models import Removal, key_table
from moderation.removals import add as adding
from moderation.removals import check_first, selection
from moderation.removals import draft as drafts
from moderation.removals.add import add
from moderation.removals.check_first import review_all, undecided
from moderation.removals.draft import confirm, refreeze_changed
from moderation.removals.freeze import freeze
from moderation.removals.seal import is_sealed, lock_draft
from moderation.review_rules.apply import apply_rules
from posts.models import Post
from tests.helpers import CODES, confirmed
from tests.removals.keeping import add_picture, give_back, keep
from tests.review_rules.waves import make_post, make_wave

pytestmark = pytest.mark.django_db(transaction=True)

OWN = "b" * 64


def those(*posts: Post) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=[post.pk for post in posts])


def frozen(actor: User, *posts: Post) -> Removal:
    return freeze(those(*posts), actor=actor, permissions=CODES)


def add_to(removal: Removal, actor: User, *posts: Post) -> adding.Added:
    return add(removal, seal=removal.seal, objects=those(*posts), actor=actor)


def marked(removal: Removal) -> list[tuple[str, bool]]:
    marks = removal.marked_objects.order_by("key", "pk")
    return list(marks.values_list("key", "is_reviewed"))


def rules_of(removal: Removal, post: Post) -> list[str]:
    return [name for name, _ in removal.marked_objects.get(key=str(post.pk)).rules]


def test_added_objects_that_differ_are_marked_and_the_others_need_no_second_review(
    moderator: User,
) -> None:
    draft = frozen(moderator, *make_wave(40))
    assert not undecided(draft).exists()
    odd = make_post(OWN)
    add_to(draft, moderator, odd)
    assert [each.key for each in undecided(draft)] == [str(odd.pk)]
    with pytest.raises(RemovalError, match="differs from the rest"):
        confirmed(draft, moderator)


def test_all_objects_are_compared_as_soon_as_there_are_enough(moderator: User) -> None:
    odd, wave = make_post(OWN), make_wave()
    draft = frozen(moderator, odd, *wave[:5])
    assert not draft.marked_objects.exists()
    add_to(draft, moderator, *wave[5:])
    assert [each.key for each in undecided(draft)] == [str(odd.pk)]


def test_a_rule_that_marks_too_many_added_objects_is_named(moderator: User) -> None:
    draft = frozen(moderator, *make_wave(40))
    add_to(draft, moderator, *[make_post(f"{n:x}" * 64) for n in range(5, 16)])
    assert ["unique_picture", 11, 51] in draft.dropped_rules


def test_an_object_is_marked_once_when_the_selection_is_large_enough_again(
    moderator: User,
) -> None:
    wave, odd = make_wave(20), make_post()
    draft = frozen(moderator, *wave[:19], odd)
    assert review_all(draft, seal=draft.seal) == 1
    keep(draft, wave[0])
    add_to(draft, moderator, wave[19])
    assert marked(draft) == [(str(odd.pk), True)]


def test_the_database_refuses_a_second_mark_of_an_object(moderator: User) -> None:
    draft = frozen(moderator, *make_wave(20), make_post())
    mark = draft.marked_objects.get()
    with pytest.raises(IntegrityError):
        draft.marked_objects.create(key=mark.key)


def test_a_kept_object_that_is_added_again_must_be_reviewed_again(moderator: User) -> None:
    odd = make_post()
    draft = frozen(moderator, *make_wave(20), odd)
    review_all(draft, seal=draft.seal)
    keep(draft, odd)
    assert add_to(draft, moderator, odd).returned == 1
    assert marked(draft) == [(str(odd.pk), False)]


def test_returned_objects_are_marked_as_they_are_now(moderator: User) -> None:
    """One was odd and is odd in another way now; the other one became odd while it was kept."""
    wave, odd = make_wave(40), make_post()
    draft = frozen(moderator, *wave, odd)
    review_all(draft, seal=draft.seal)
    keep(draft, odd, wave[0])
    wave[0].post_images.all().delete()
    add_picture(odd)
    odd.post_images.update(sha256=OWN)
    give_back(draft, moderator)
    assert rules_of(draft, odd) == ["unique_picture"]
    assert rules_of(draft, wave[0]) == ["no_picture"]
    assert undecided(draft).count() == 2
    with pytest.raises(RemovalError, match="2 posts differ from the rest"):
        confirmed(draft, moderator)


def test_a_returned_object_must_be_reviewed_though_too_few_are_left_to_compare(
    moderator: User,
) -> None:
    wave, odd = make_wave(20), make_post()
    draft = frozen(moderator, *wave, odd)
    review_all(draft, seal=draft.seal)
    keep(draft, odd, *wave[:5])
    give_back(draft, moderator, odd)
    assert marked(draft) == [(str(odd.pk), False)]


def test_a_deleted_object_is_not_marked_though_too_few_are_left_to_compare(
    moderator: User,
) -> None:
    odd = make_post()
    draft = frozen(moderator, *make_wave(19), odd)
    odd.delete()
    assert refreeze_changed(draft)
    assert marked(draft) == []


def test_rules_do_not_run_in_the_transaction_that_locks_a_draft(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, all other writers would wait for them."""
    seen = list[bool]()

    def watched(*arguments: Any) -> Any:
        seen.append(connection.in_atomic_block)  # before the one of PostgreSQL's temporary table
        return key_table(*arguments)

    monkeypatch.setattr(check_first, "key_table", watched)
    wave, odd = make_wave(30), make_post()
    draft = frozen(moderator, *wave)
    add_to(draft, moderator, odd)
    keep(draft, odd)
    give_back(draft, moderator)
    wave[0].post_images.all().delete()
    review_all(draft, seal=draft.seal)
    assert confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    assert seen == [False] * 4


def test_marks_are_made_up_for_after_an_interrupted_confirmation(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = make_wave(30)
    draft = frozen(moderator, *wave)
    wave[0].post_images.all().delete()

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(drafts, "mark_and_reseal", die)
        with pytest.raises(KeyboardInterrupt):
            confirmed(draft, moderator)
    with pytest.raises(DraftChanged):
        confirmed(draft, moderator)
    assert is_sealed(draft)
    assert marked(draft) == [(str(wave[0].pk), False)]
    with pytest.raises(RemovalError, match="differs from the rest"):
        confirmed(draft, moderator)
    review_all(draft, seal=draft.seal)
    confirmed(draft, moderator)


def test_marks_are_made_up_for_after_an_interrupted_addition(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, draft = make_post(), frozen(moderator, *make_wave(30))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(check_first, "apply_rules", die)
        with pytest.raises(KeyboardInterrupt):
            add_to(draft, moderator, odd)
    with pytest.raises(DraftChanged):
        confirmed(draft, moderator)
    assert marked(draft) == [(str(odd.pk), False)]


def test_marks_are_not_stored_for_batches_that_changed_while_the_rules_ran(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another tab, a confirmation saves a changed batch. It cannot seal the draft any more."""
    odd, draft = make_post(), frozen(moderator, *make_wave(30))

    def apply_while_another_request_saves(*arguments: Any) -> Any:
        marks = apply_rules(*arguments)
        draft.batches.update(digest="saved by another request")
        return marks

    with monkeypatch.context() as context:
        context.setattr(check_first, "apply_rules", apply_while_another_request_saves)
        with pytest.raises(DraftChanged):
            add_to(draft, moderator, odd)
    assert not is_sealed(Removal.objects.get(pk=draft.pk))


def test_a_rule_that_applies_again_is_no_longer_dropped(moderator: User) -> None:
    """And it marks the objects that it did not mark before."""
    odd = [make_post() for _ in range(5)]
    wave = make_wave(40)
    draft = frozen(moderator, *odd, *wave[:16])
    assert draft.dropped_rules == [["no_picture", 5, 21]]
    assert not marked(draft)
    add_to(draft, moderator, *wave[16:])
    draft.refresh_from_db()
    assert draft.dropped_rules == []
    assert undecided(draft).count() == 5


def test_a_rule_that_marks_too_many_changed_objects_is_named(moderator: User) -> None:
    wave = make_wave(30)
    draft = frozen(moderator, *wave)
    for post in wave[:11]:
        post.post_images.all().delete()
    assert confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    draft.refresh_from_db()
    assert draft.dropped_rules == [["no_picture", 11, 30]]


def test_a_stale_instance_overwrites_neither_the_history_nor_the_dropped_rules(
    moderator: User,
) -> None:
    draft = frozen(moderator, *make_wave(3))
    stale = Removal.objects.get(pk=draft.pk)
    Removal.objects.filter(pk=draft.pk).update(history=[{"a": 1}], dropped_rules=[["of_old", 1, 2]])
    with transaction.atomic():
        lock_draft(stale, stale.seal)
    assert stale.history == [{"a": 1}]
    assert stale.dropped_rules == [["of_old", 1, 2]]


def test_an_object_that_was_added_and_kept_in_another_tab_is_not_added_twice(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft has the same seal as before."""
    wave = make_wave(4)
    draft = frozen(moderator, *wave[:3])
    other, seal = Removal.objects.get(pk=draft.pk), draft.seal

    def frozen_keys(*arguments: Any) -> Any:
        yield from selection.frozen_keys(*arguments)
        monkeypatch.setattr(adding, "frozen_keys", selection.frozen_keys)
        add_to(other, moderator, wave[3])
        keep(other, wave[3])
        assert other.seal == seal

    monkeypatch.setattr(adding, "frozen_keys", frozen_keys)
    assert not add_to(draft, moderator, wave[3]).total
    batch = draft.batches.get()
    assert batch.kept == [wave[3].pk]
    assert wave[3].pk not in dict(batch.frozen)


@pytest.mark.parametrize("error", [RemovalError, DraftChanged])
def test_what_was_added_is_reported_though_kept_objects_cannot_be_returned(
    error: type[Exception], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = make_wave(5)
    draft = frozen(moderator, *wave[:3])
    keep(draft, wave[0])

    def fail(*_: Any, **__: Any) -> None:
        raise error("Too many rows refer to these now.")

    monkeypatch.setattr(adding, "return_kept", fail)
    added = add_to(draft, moderator, wave[0], *wave[3:])
    assert (added.total, added.returned) == (2, 0)
    assert added.error == "Too many rows refer to these now."
