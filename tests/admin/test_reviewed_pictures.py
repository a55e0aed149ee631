"""Pictures of reviewed posts are not shown again among the pictures that are shown once each."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.admin.removals import group_previews
from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import drafted, page_of
from tests.admin.drafts import html, keep, number_of_queries, press, text_of, value_of
from tests.picture_groups.test_near import with_bits

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db

SHARED = "a" * 64
ALL = "?show=groups&also=reviewed"


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    """Five posts with a picture each, of which the last two share theirs."""
    posts = make_posts(5, images=1)
    PostImage.objects.filter(post__in=posts[3:]).update(sha256=SHARED)
    return posts


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    return drafted(posts, moderator)


def review(client: Client, removal: Removal, *posts: Post) -> None:
    """Mark posts, and tick them as reviewed."""
    marks = [removal.marked_objects.create(key=str(post.pk)) for post in posts]
    client.post(page_of(removal, "review"), {"reviewed": [mark.pk for mark in marks]})


def cards(page: str) -> int:
    """Return the number of cards of pictures on a page."""
    return len(re.findall(r'<li id="card-', page))


def test_the_picture_of_a_reviewed_post_is_left_out_and_counted(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    assert cards(html(client, draft)) == 4
    review(client, draft, posts[0])
    page = html(client, draft)
    assert cards(page) == 3
    assert f"/posts.postimage/{posts[0].post_images.get().pk}/" not in page
    assert "1 picture of posts that you reviewed is not shown again." in text_of(page)
    review(client, draft, posts[1])
    text = text_of(html(client, draft))
    assert "2 pictures of posts that you reviewed are not shown again." in text


def test_a_link_shows_them_and_another_hides_them(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    review(client, draft, posts[0])
    page = html(client, draft, "?order=largest")
    assert '<a href="?show=groups&amp;order=largest&amp;also=reviewed#selection"' in page
    page = html(client, draft, ALL)
    assert cards(page) == 4
    assert "1 picture of posts that you reviewed is shown again. Hide it" in text_of(page)
    assert '<a href="?show=groups&amp;order=rarest#selection"' in page
    assert cards(html(client, draft, "?also=%00")) == 3


def test_they_stay_when_something_else_is_done_there(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    review(client, draft, posts[0])
    page = html(client, draft, ALL)
    links = re.findall(r'<a href="(\?show=groups&amp;[^"]*(?:order|group)=[^"]*)"', page)
    assert len(links) > 4
    assert [link for link in links if "also=reviewed" not in link] == [
        "?show=groups&amp;order=rarest#selection"  # which hides them
    ]
    response = keep(client, draft, posts[1], show="groups", also="reviewed")
    assert response["Location"] == page_of(draft) + ALL
    back = html(client, draft, f"{ALL}&group={SHARED}&back=2")
    assert '"?show=groups&amp;order=rarest&amp;also=reviewed&amp;p=2#selection"' in back


def test_a_shared_picture_is_left_out_when_all_posts_with_it_have_been_reviewed(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    review(client, draft, posts[3])
    assert "not shown again" not in html(client, draft)
    review(client, draft, posts[4])
    assert "1 picture of posts that you reviewed" in text_of(html(client, draft))
    assert "in 2 posts" in text_of(html(client, draft, f"?show=groups&group={SHARED}"))


def test_only_selected_posts_count(client: Client, draft: Removal, posts: list[Post]) -> None:
    review(client, draft, posts[3])
    keep(client, draft, posts[3])
    page = html(client, draft)
    assert cards(page) == 4
    assert "not shown again" not in page
    review(client, draft, posts[4])
    assert cards(html(client, draft)) == 3


def test_nearly_identical_pictures_are_one(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    for number, post in enumerate(posts[:2]):
        PostImage.objects.filter(post=post).update(perceptual_hash=with_bits(number))
    review(client, draft, posts[0])
    assert cards(html(client, draft)) == 3
    review(client, draft, posts[1])
    page = html(client, draft)
    assert cards(page) == 2
    assert "1 picture of posts that you reviewed" in text_of(page)


def test_undo_brings_them_back(client: Client, draft: Removal, posts: list[Post]) -> None:
    review(client, draft, posts[0])
    press(client, draft, "review", undo="yes")
    page = html(client, draft)
    assert cards(page) == 4
    assert "not shown again" not in page


def test_the_other_tabs_list_everything(client: Client, draft: Removal, posts: list[Post]) -> None:
    review(client, draft, *posts)
    for tab in ("pictures", "objects"):
        page = html(client, draft, f"?show={tab}")
        for post in posts:
            assert f'value="{value_of(draft, post)}"' in page
        assert "not shown again" not in page


def test_the_numbers_of_the_page_stay_right(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 2)
    PostImage.objects.filter(post=posts[2]).update(sha256="")
    review(client, draft, posts[0])
    page = html(client, draft)
    assert "1 file cannot be grouped and is not shown here." in text_of(page)
    assert "Pages of the selection" not in page
    assert "Pages of the selection" in html(client, draft, ALL)


def test_nothing_is_left_when_all_have_been_reviewed(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    review(client, draft, *posts)
    text = text_of(html(client, draft))
    assert "Nothing is left to review here." in text
    assert "Nothing on this page is selected any longer" not in text
    assert "4 pictures of posts that you reviewed are not shown again. Show them" in text
    assert cards(html(client, draft, ALL)) == 4


def test_the_page_takes_the_same_queries_for_any_number_of_reviewed_posts(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (1, 20):
        removal = drafted(posts := make_posts(number + 2, images=1), moderator)
        counts.add(number_of_queries(client, removal))
        review(client, removal, *posts[:number])
        counts.add(number_of_queries(client, removal))
    assert len(counts) <= 2  # some are only needed with marked posts
