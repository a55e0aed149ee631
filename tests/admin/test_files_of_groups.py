"""In a group of nearly identical pictures, the posts with one of the files can be kept."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import group_previews
from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import drafted
from tests.admin.drafts import html, kept, press, text_of
from tests.picture_groups.test_near import with_bits

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db

FIRST, SECOND, OTHER = "a" * 64, "b" * 64, "c" * 64
GROUP = f"?show=groups&group={FIRST}"


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    """Five posts: three with one file, one with a nearly identical one, one with another."""
    posts = make_posts(5)
    for bit, sha256, chosen in ((1, FIRST, posts[:3]), (2, SECOND, posts[3:4])):
        rows = PostImage.objects.filter(post__in=chosen)
        rows.update(sha256=sha256, perceptual_hash=with_bits(bit))
    PostImage.objects.filter(post=posts[4]).update(sha256=OTHER)
    return posts


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    return drafted(posts, moderator)


def buttons(page: str) -> list[str]:
    """Return the files of the buttons that keep the posts with one file."""
    return re.findall(r'name="with_file"\s+value="([^"]+)"', page)


def test_the_page_of_nearly_identical_pictures_has_a_button_for_each_file(
    client: Client, draft: Removal
) -> None:
    page = html(client, draft, GROUP)
    assert buttons(page) == [FIRST, SECOND]
    text = text_of(page)
    for button in ("Keep all 4 posts", "Keep all 3 posts", "Keep 1 post"):
        assert button in text
    assert "Keep all 3 posts with exactly the picture of “Cheap pills 0” (file 1)" in page
    assert "Keep 1 post with exactly the picture of “Cheap pills 3” (file 2)" in page
    assert "Other pages may show other files." not in text


def test_a_card_is_marked_as_nearly_identical_and_its_files_are_not(
    client: Client, draft: Removal
) -> None:
    badge = '<span class="removal-badge">nearly identical</span>'
    assert html(client, draft).count(badge) == 1
    assert html(client, draft, GROUP).count(badge) == 1
    assert buttons(html(client, draft)) == []


def test_identical_pictures_have_only_one_button(client: Client, draft: Removal) -> None:
    assert buttons(html(client, draft, f"?show=groups&group={OTHER}")) == []


def test_the_posts_with_one_file_are_kept_and_returned(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    press(client, draft, "exclude", with_file=SECOND)
    assert kept(draft) == [posts[3].pk]
    press(client, draft, "exclude", with_file=FIRST)
    assert kept(draft) == [posts[3].pk, *(post.pk for post in posts[:3])]
    press(client, draft, "return", last="yes")
    assert kept(draft) == [posts[3].pk]


@pytest.mark.parametrize("file", ["", "x", "\0", "0" * 64])
def test_a_file_that_is_not_selected_keeps_nothing(
    client: Client, draft: Removal, file: str
) -> None:
    press(client, draft, "exclude", with_file=file)
    assert kept(draft) == []


def test_each_page_has_the_files_of_its_posts(
    client: Client, draft: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "OBJECTS_PER_PAGE", 3)
    page = html(client, draft, GROUP)
    assert buttons(page) == [FIRST]
    assert "These are the files of the posts on this page." in text_of(page)
    assert buttons(html(client, draft, f"{GROUP}&p=2")) == [SECOND]


def test_the_page_takes_the_same_queries_for_any_number_of_files(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (3, 30):
        posts = make_posts(number)
        PostImage.objects.filter(post__in=posts).update(perceptual_hash=with_bits(*range(number)))
        draft = drafted(posts, moderator)
        query = f"?show=groups&group={posts[0].post_images.get().sha256}"
        assert len(buttons(html(client, draft, query))) == number
        with CaptureQueriesContext(connection) as captured:
            html(client, draft, query)
        counts.add(len(captured))
    assert len(counts) == 1
