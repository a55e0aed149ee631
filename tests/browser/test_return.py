"""Kept posts return together by keyboard alone, on a phone, and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import Removal
from posts.models import Post, PostImage
from tests.browser.accessibility import problems_of
from tests.helpers import drafted
from tests.removals.keeping import keep

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WITH_PICTURE = "Return all posts with a picture like this: “Cheap pills 1”"


@pytest.fixture
def draft(moderator: User, make_posts: Callable[..., list[Post]]) -> Removal:
    """Four of five posts are kept; three of these share a picture."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = make_posts(5, images=1)
    PostImage.objects.filter(post__in=posts[:3]).update(sha256="a" * 64)
    removal = drafted(posts, moderator)
    keep(removal, *posts[:4])
    return removal


def open_kept(page: Page, removal: Removal) -> None:
    page.goto(f"/admin/moderation/removal/{removal.pk}/change/?show=kept")


def expect_one_kept(page: Page) -> None:
    expect(page.get_by_role("heading", name="Remove 4 posts?")).to_be_visible()
    expect(page.get_by_role("link", name="Kept 1")).to_be_visible()
    expect(page.get_by_role("button", name="Return “Cheap pills 3”")).to_be_visible()


def test_by_keyboard_alone_all_posts_with_a_picture_return_in_place(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    open_kept(page, draft)
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("button", name=WITH_PICTURE).press("Enter")
    expect_one_kept(page)
    expect(page.get_by_label("Note")).to_have_value("ticket 12")


def test_all_posts_with_a_picture_return_without_scripts(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    open_kept(page, draft)
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("button", name=WITH_PICTURE).click()
    expect_one_kept(page)
    expect(page.get_by_label("Note")).to_have_value("ticket 12")


def test_all_posts_of_an_author_return_without_scripts(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    open_kept(page, draft)
    page.get_by_role("button", name="Return all by").first.click()
    expect(page.get_by_role("heading", name="Remove 5 posts?")).to_be_visible()


def test_the_tab_fits_a_phone_and_has_no_accessibility_problem(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    open_kept(page, draft)
    assert problems_of(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
