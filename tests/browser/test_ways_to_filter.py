"""Filter the list, refuse a picture and dismiss reports: by keyboard alone and without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import expect

from moderation.models import RefusedPicture
from posts.models import Post, Report
from tests.admin.conftest import LIST, make_user
from tests.browser.ways import KEYBOARD, NO_SCRIPTS, Way, in_ways
from tests.helpers import drafted
from tests.images.alike import COPIES, advertisement
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def posts(transactional_db: None, moderator: User) -> list[Post]:
    """Four reported posts, each with an advertisement of its own."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [a_post(f"Cheap pills {n}") for n in range(4)]
    for number, post in enumerate(posts):
        a_picture(post, saved(advertisement(number), "PNG"))
        Report.objects.create(post=post, reporter=moderator)
    return posts


def page_of(post: Post) -> str:
    return f"{LIST}{post.pk}/change/"


def expect_posts(way: Way, *posts: Post) -> None:
    expect(way.page.locator("input.action-select")).to_have_count(len(posts))
    for post in posts:
        expect(way.page.locator(f"input.action-select[value='{post.pk}']")).to_have_count(1)


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_posts_in_drafts_of_others_are_left_out_even_after_a_refresh(
    way: Way, posts: list[Post]
) -> None:
    drafted(posts[:3], make_user("moderator_2", "Moderators"))
    way.page.goto(f"{LIST}?reported=yes")
    free = "Neither in another moderator’s draft nor being removed"
    way.press(way.page.get_by_role("link", name=free))
    expect_posts(way, posts[3])
    way.page.reload()
    expect_posts(way, posts[3])
    assert way.page.url.endswith("?others_draft=no&reported=yes")


@in_ways(KEYBOARD)
def test_posts_with_a_picture_like_an_example_are_found(
    way: Way, posts: list[Post], tmp_path: Path
) -> None:
    example = tmp_path / "example.jpg"
    example.write_bytes(saved(COPIES["smaller"](advertisement(1)), "JPEG"))
    page = way.page
    page.goto(LIST)
    way.press(page.get_by_role("link", name="Find posts by picture…"))
    with page.expect_file_chooser() as opened:
        way.press(page.get_by_label("Picture"))
    opened.value.set_files(example)
    way.press(page.get_by_role("button", name="Find posts"))
    expect(page.get_by_role("heading", name="Posts with pictures like this one")).to_be_visible()
    expect_posts(way, posts[1])


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_a_picture_is_refused_on_the_page_of_a_post(way: Way, posts: list[Post]) -> None:
    page, picture = way.page, posts[1].post_images.get()
    page.goto(page_of(posts[1]))
    way.press(page.get_by_role("link", name=f"Refuse from now on… (picture {picture.pk})"))
    way.press(page.get_by_role("button", name="Refuse from now on"))
    expect(page.locator(".messagelist")).to_contain_text("will be refused from now on.")
    assert page.url.endswith(page_of(posts[1]))
    assert RefusedPicture.objects.get().sha256 == picture.sha256


@in_ways(KEYBOARD)
def test_reports_are_dismissed_and_reopened_on_the_page_of_a_post(
    way: Way, posts: list[Post]
) -> None:
    page = way.page
    page.goto(page_of(posts[1]))
    way.press(page.get_by_role("button", name="Dismiss reports"))
    expect(page.locator(".messagelist")).to_contain_text("Dismissed 1 report about 1 post.")
    assert Report.objects.get(post=posts[1]).state == "dismissed"
    way.press(page.get_by_role("button", name="Undo"))
    expect(page.locator(".messagelist")).to_contain_text("Reopened 1 report about 1 post.")
    assert Report.objects.get(post=posts[1]).state == "open"
