"""The page of a group names posts with similar pictures that are not selected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import similar_pictures
from moderation.picture_groups import similar
from posts.models import Post, PostImage
from tests.admin.conftest import drafted
from tests.admin.drafts import html, text_of
from tests.picture_groups.test_near import with_bits

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


def hashed(posts: list[Post]) -> list[Post]:
    """Set nearly identical hashes on the pictures of posts."""
    for number, post in enumerate(posts):
        PostImage.objects.filter(post=post).update(perceptual_hash=with_bits(number % 5))
    return posts


def sha256_of(posts: list[Post]) -> str:
    return PostImage.objects.get(post=posts[0]).sha256


def of_group(posts: list[Post]) -> str:
    return f"?show=groups&group={sha256_of(posts)}"


def test_similar_pictures_of_other_posts_are_counted_and_linked(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected, others = hashed(make_posts(2)), hashed(make_posts(2, title="Other"))
    page = html(client, drafted(selected, moderator), of_group(selected))
    assert "Similar pictures in 2 more posts that are not selected" in text_of(page)
    for post in others:
        assert f'<a href="/admin/posts/post/{post.pk}/change/" target="_blank"' in page
        assert post.title in page


def test_without_similar_pictures_the_page_says_so(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected = hashed(make_posts(2))
    make_posts(1)
    page = html(client, drafted(selected, moderator), of_group(selected))
    assert "Similar pictures" not in page
    assert "No other similar pictures were found in posts that are not selected." in text_of(page)


def test_a_card_with_one_post_leads_to_the_search_for_similar_pictures(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected = hashed(make_posts(1))
    removal = drafted(selected, moderator)
    page = html(client, removal)
    link = page.partition("Find similar pictures")[0].rpartition("<a ")[2]
    assert f"show=groups&amp;order=rarest&amp;group={sha256_of(selected)}" in link
    assert "#selection" in link
    monkeypatch.setattr(similar, "has_similarity_indexes", lambda *_: False)
    assert "similar pictures" not in html(client, removal)
    assert "similar pictures" not in html(client, removal, of_group(selected))


def test_only_the_first_posts_are_linked(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar_pictures, "MAX_LINKED", 2)
    selected, others = hashed(make_posts(1)), hashed(make_posts(5, title="Other"))
    page = html(client, drafted(selected, moderator), of_group(selected))
    assert "and 3 others" in text_of(page)
    assert [post.title in page for post in others] == [True, True, False, False, False]


def test_the_page_takes_the_same_queries_for_any_number_of_similar_pictures(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected = hashed(make_posts(1))
    removal, counts = drafted(selected, moderator), set()
    for _ in range(2):
        hashed(make_posts(20, title="Other"))
        html(client, removal, of_group(selected))
        with CaptureQueriesContext(connection) as captured:
            html(client, removal, of_group(selected))
        counts.add(len(captured))
    assert len(counts) == 1
