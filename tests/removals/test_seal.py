"""A seal stands on what was shown: no look that was cut off, no exclude brings more under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from moderation.exceptions import DraftChanged, RemovalError
from moderation.lifecycle.removals import cancel
from moderation.models import Removal
from moderation.removals import draft as confirm_module
from moderation.removals import seal as sealing
from moderation.removals.draft import confirm, refreeze_changed
from moderation.removals.keep import exclude
from moderation.removals.seal import save_batch
from posts.models import Post, PostImage
from tests.helpers import confirmed, drafted, stored

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


class Killed(BaseException):
    """The process ended between two batches."""


def add_pictures(post: Post, *names: str) -> None:
    for name in names:
        PostImage.objects.create(
            post=post, image=stored(name), thumbnail=stored(f"t{name}"), sha256="", size=1,
            width=1, height=1,
        )  # fmt: skip


@pytest.fixture
def draft(marked: None, make_posts: MakePosts, moderator: User) -> Removal:
    """Two batches of two posts; the first post of each has a picture the preview lacks."""
    posts = make_posts(4, images=1)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        removal = drafted(posts, moderator)
    add_pictures(posts[0], "first.jpg")
    add_pictures(posts[2], "second.jpg")
    return removal


@pytest.fixture
def cut_off(draft: Removal, monkeypatch: pytest.MonkeyPatch) -> Removal:
    """The draft after a look that was killed at its second batch, which then is as it was shown."""
    saved = []

    def killed(batch: object) -> None:
        saved.append(batch)
        if len(saved) == 2:
            raise Killed
        save_batch(batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(confirm_module, "save_batch", killed)
        with pytest.raises(Killed):
            refreeze_changed(draft)
    PostImage.objects.filter(image="second.jpg").delete()
    draft.refresh_from_db()
    return draft


def assert_refused_once(removal: Removal, moderator: User) -> None:
    """The old seal is refused and nothing is removed; the next page has a new seal."""
    seal, posts = removal.seal, Post.objects.count()
    with pytest.raises(DraftChanged):
        confirm(removal, actor=moderator, seal=seal, reason="spam")
    removal.refresh_from_db()
    assert (removal.state, Post.objects.count()) == ("draft", posts)
    assert removal.seal != seal
    assert removal.files_total == sum(batch.files_total for batch in removal.batches.all())
    confirmed(removal, moderator)


def test_what_a_killed_comparison_saved_cannot_be_confirmed_with_the_old_seal(
    cut_off: Removal, moderator: User
) -> None:
    assert_refused_once(cut_off, moderator)


def test_an_exclusion_after_a_killed_comparison_reports_the_change(cut_off: Removal) -> None:
    seal, batch = cut_off.seal, cut_off.batches.order_by("number")[1]
    key = str(batch.frozen[0][0])
    with pytest.raises(DraftChanged):
        exclude(cut_off, seal=seal, keys_by_batch=[(batch.number, [key])])
    cut_off.refresh_from_db()
    assert (cut_off.seal != seal, cut_off.objects_total) == (True, 4)
    exclude(cut_off, seal=cut_off.seal, keys_by_batch=[(batch.number, [key])])
    assert cut_off.objects_total == 3


def test_what_a_refused_comparison_saved_cannot_be_confirmed_with_the_old_seal(
    draft: Removal, moderator: User
) -> None:
    large = [f"large-{number}.jpg" for number in range(4)]
    add_pictures(Post.objects.order_by("pk")[2], *large)
    too_few = override_settings(MODERATION_BATCH_ROWS=6)
    with too_few, pytest.raises(RemovalError, match="too large"):
        confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    PostImage.objects.filter(image__in=[*large, "second.jpg"]).delete()
    draft.refresh_from_db()
    assert_refused_once(draft, moderator)


def test_an_exclusion_does_not_change_the_other_digests(
    marked: None, make_posts: MakePosts, moderator: User
) -> None:
    changed, gone, same, out = posts = make_posts(4)
    keys = [post.pk for post in posts]
    removal = drafted(posts, moderator)
    add_pictures(changed, "late.jpg")
    gone.delete()
    kept = [(removal.batches.get().number, [str(out.pk)])]
    exclude(removal, seal=removal.seal, keys_by_batch=kept)
    assert removal.objects_total == 3
    assert removal.pictures_total == 2 + 1 + 2  # the cards that the page can show
    difference = confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    assert (difference.changed, difference.deleted) == ((keys[0],), (keys[1],))
    confirmed(removal, moderator)
    assert list(Post.objects.all()) == [out]
    assert not Post.objects.filter(pk=same.pk).exists()


def test_a_draft_that_is_cancelled_while_it_is_compared_stays_cancelled(
    marked: None, make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = drafted(make_posts(3, images=1), moderator)
    monkeypatch.setattr(sealing, "BATCHES_PER_CHUNK", 1)
    compare = sealing.changed_batches

    def cancelled_in_the_meantime(compared: Removal) -> Iterator[Any]:
        turns = sealing.chunks_of_batches(compared)
        first = next(turns)
        monkeypatch.setattr(sealing, "chunks_of_batches", lambda _: chain([first], turns))
        cancel(Removal.objects.get(pk=compared.pk))
        return compare(compared)

    monkeypatch.setattr(confirm_module, "changed_batches", cancelled_in_the_meantime)
    with pytest.raises(DraftChanged):
        confirmed(removal, moderator)
