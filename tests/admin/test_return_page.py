"""Kept posts return to the selection by author, by picture and by text, as they were kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import kept_groups
from moderation.models import Removal
from moderation.picture_groups import similar_texts
from moderation.removals.check_first import review_all, undecided
from moderation.removals.keep import exclude
from posts.models import Post, PostImage
from tests.admin.conftest import drafted, page_of
from tests.admin.desk import said
from tests.admin.drafts import html, keep, kept, press, value_of
from tests.admin.test_text_groups import make_wave as make_texts
from tests.picture_groups.test_similar_texts import GOOD
from tests.removals.keeping import batch_keys
from tests.review_rules.waves import make_post, make_wave

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db

KEPT = "?show=kept"
SHARED, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    """Six posts in three batches; the first four share a picture, of which the last stays."""
    posts = make_posts(6)
    PostImage.objects.filter(post__in=posts[:4]).update(sha256=SHARED)
    return posts


@pytest.fixture
def draft(posts: list[Post], moderator: User, settings: Any) -> Removal:
    """A draft of which all but the fourth and the last post are kept."""
    settings.MODERATION_BATCH_OBJECTS = 2
    return draft_without(drafted(posts, moderator), [*posts[:3], posts[4]])


def draft_without(removal: Removal, posts: list[Post]) -> Removal:
    """Keep these posts, and return the draft."""
    exclude(removal, seal=removal.seal, keys_by_batch=batch_keys(removal, posts))
    return removal


def keys_of(*posts: Post) -> list[int]:
    return [post.pk for post in posts]


def names(page: str) -> list[str]:
    """Return the names of the buttons that return a group."""
    return re.findall(r'aria-label="(Return all posts with[^"]*)"', page)


def test_all_posts_of_an_author_return(
    client: Client, draft: Removal, posts: list[Post], moderator: User
) -> None:
    Post.objects.filter(pk__in=keys_of(posts[0], posts[4], posts[5])).update(author=moderator)
    page = html(client, draft, KEPT)
    assert "Return all by mod" in page
    assert "Return all by spammer" in page
    response = press(client, draft, "return", owner_of=value_of(draft, posts[4]), show="kept")
    assert response["Location"] == page_of(draft) + KEPT
    assert said(response) == "2 posts returned to the selection, which now has 4 posts."
    assert kept(draft) == keys_of(posts[1], posts[2])


def test_all_posts_with_a_picture_return(client: Client, draft: Removal, posts: list[Post]) -> None:
    expected = f"Return all posts with a picture like this: “Cheap pills 1” (post {posts[1].pk})"
    assert expected in names(html(client, draft, KEPT))
    response = press(client, draft, "return", pictures_of=str(posts[1].pk), show="kept")
    assert response["Location"] == page_of(draft) + KEPT
    assert said(response) == "3 posts returned to the selection, which now has 5 posts."
    assert kept(draft) == keys_of(posts[4])


def test_posts_that_share_any_picture_of_a_post_return(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    of_last = PostImage.objects.get(post=posts[4])
    PostImage.objects.create(
        post=posts[1], sha256=of_last.sha256, image="x.jpg", thumbnail="x.webp", size=1, width=1,
        height=1,
    )  # fmt: skip
    press(client, draft, "return", pictures_of=str(posts[1].pk))
    assert kept(draft) == []


def test_posts_with_a_nearly_identical_picture_return(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    PostImage.objects.filter(post__in=posts[1:3]).update(sha256=OTHER)
    PostImage.objects.filter(post__in=posts[:3]).update(perceptual_hash="0f" * 32)
    press(client, draft, "return", pictures_of=str(posts[0].pk))
    assert kept(draft) == keys_of(posts[4])


def test_a_post_whose_picture_cannot_be_grouped_returns_alone(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    PostImage.objects.update(sha256="")
    press(client, draft, "return", pictures_of=str(posts[1].pk))
    assert kept(draft) == keys_of(posts[0], posts[2], posts[4])


def test_all_posts_with_a_similar_text_return(client: Client, moderator: User) -> None:
    texts = [*make_texts(4), *make_texts(2, GOOD)]
    removal = draft_without(drafted(texts, moderator), [*texts[:3], texts[4]])
    assert len(names(html(client, removal, KEPT))) == 4
    press(client, removal, "return", text_of=str(texts[1].pk))
    assert kept(removal) == keys_of(texts[4])
    press(client, removal, "return", text_of=str(texts[4].pk))
    assert kept(removal) == []


def test_a_post_without_text_has_no_such_button_and_returns_alone(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3, images=0)
    Post.objects.update(title="", body="")
    removal = draft_without(drafted(posts, moderator), posts[:2])
    assert names(html(client, removal, KEPT)) == []
    press(client, removal, "return", text_of=str(posts[1].pk))
    assert kept(removal) == keys_of(posts[0])


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(kept_groups, "MAX_COMPARED", 1), (similar_texts, "RMinHash", None)],
    ids=["too many", "without the library"],
)
def test_where_texts_are_not_compared_they_return_one_by_one(
    client: Client, moderator: User, monkeypatch: pytest.MonkeyPatch, *, module: Any, name: str,
    value: Any,
) -> None:  # fmt: skip
    texts = make_texts(3)
    removal = draft_without(drafted(texts, moderator), texts[:2])
    monkeypatch.setattr(module, name, value)
    assert names(html(client, removal, KEPT)) == []
    press(client, removal, "return", text_of=str(texts[1].pk))
    assert len(kept(removal)) == 2


@pytest.mark.parametrize("value", ["", "x", "1:1", "9999999", "9" * 40, "1\0"])
@pytest.mark.parametrize("name", ["pictures_of", "text_of"])
def test_a_button_that_names_no_post_returns_nothing(
    client: Client, draft: Removal, name: str, value: str
) -> None:
    before = kept(draft)
    press(client, draft, "return", **{name: value})
    assert kept(draft) == before


@pytest.mark.parametrize("name", ["owner_of", "pictures_of", "text_of"])
def test_a_group_of_a_post_that_is_not_visible_does_not_return(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its author is known from the others; its picture and its text are not."""
    posts_admin = admin.site.get_model_admin(Post)
    hidden = Post.objects.exclude(pk=posts[1].pk)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: hidden.all())
    before, value = kept(draft), value_of(draft, posts[1])
    press(client, draft, "return", **{name: value if name == "owner_of" else str(posts[1].pk)})
    assert kept(draft) == (before if name != "owner_of" else keys_of(posts[1]))


def test_a_post_that_is_not_visible_is_not_among_those_with_the_picture(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts_admin = admin.site.get_model_admin(Post)
    hidden = Post.objects.exclude(pk=posts[1].pk)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: hidden.all())
    text = said(press(client, draft, "return", pictures_of=str(posts[0].pk)))
    assert text == "2 posts returned to the selection, which now has 4 posts."
    assert kept(draft) == keys_of(posts[1], posts[4])


def test_what_may_not_be_removed_any_longer_is_named_and_stays_kept(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(
        posts_admin, "has_delete_permission", lambda _, obj=None: "pills 2" not in str(obj)
    )
    text = said(press(client, draft, "return", pictures_of=str(posts[0].pk)))
    assert "Not returned, because you may not remove them: Post: Cheap pills 2" in text
    assert kept(draft) == keys_of(posts[2], posts[4])


@pytest.mark.parametrize("name", ["owner_of", "pictures_of", "text_of"])
def test_posts_that_return_together_must_be_reviewed_again(
    client: Client, moderator: User, name: str
) -> None:
    odd = make_post()
    removal = drafted([*make_wave(30), odd], moderator)
    review_all(removal, seal=removal.seal)
    keep(client, removal, odd)
    assert not undecided(removal).exists()
    value = value_of(removal, odd) if name == "owner_of" else str(odd.pk)
    press(client, removal, "return", **{name: value})
    assert [marked.key for marked in undecided(removal)] == [str(odd.pk)]


@pytest.mark.parametrize("name", ["owner_of", "pictures_of", "text_of"])
def test_returning_a_group_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts, name: str
) -> None:
    counts = set()
    for number in (30, 60):  # enough for the review rules
        author = User.objects.create_user(f"author of {number}")
        posts = make_posts(number, images=0 if name == "text_of" else 1)
        PostImage.objects.filter(post__in=posts).update(sha256=f"{number:064d}")
        Post.objects.filter(pk__in=keys_of(*posts)).update(author=author, body=GOOD)
        removal = drafted([*posts, *make_posts(1)], moderator)
        press(client, removal, "exclude", owner_of=value_of(removal, posts[0]))
        value = value_of(removal, posts[0]) if name == "owner_of" else str(posts[0].pk)
        with CaptureQueriesContext(connection) as captured:
            press(client, removal, "return", **{name: value})
        assert kept(removal) == []
        counts.add(len(captured))
    assert len(counts) == 1
