"""Keep the posts with one file of nearly identical pictures: by keyboard, and without scripts."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import Removal
from tests.admin.conftest import page_of
from tests.browser.accessibility import problems_of
from tests.helpers import drafted
from tests.images.alike import advertisement, again
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BUTTON = "Keep all 2 posts with exactly the picture of “Cheap pills 0”"


@pytest.fixture
def draft(transactional_db: None, moderator: User) -> Removal:
    """A draft of four posts: two with an advertisement, one with a copy of it, one with another."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    copy, other = again(advertisement(1), quality=40), advertisement(2)
    posts = [a_post(f"Cheap pills {n}") for n in range(4)]
    for post, picture in zip(posts, (advertisement(1), advertisement(1), copy, other), strict=True):
        a_picture(post, saved(picture, "PNG"))
    return drafted(posts, moderator)


def open_group(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("link", name="Show the posts with the picture of").click()
    expect(page.get_by_role("button", name="with exactly the picture of")).to_have_count(2)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_posts_with_one_file_are_kept_and_returned_by_keyboard(
    moderator_page: Page, draft: Removal, width: int
) -> None:
    page = moderator_page
    page.set_viewport_size({"width": width, "height": 800})
    open_group(page, draft)
    assert problems_of(page) == []
    page.locator("[data-card]", has=page.get_by_role("button", name=BUTTON)).focus()
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name="Remove 2 posts?")).to_be_visible()
    expect(page.locator(".removal-last-kept")).to_contain_text("Kept 2 posts: “Cheap pills 0”")
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Remove 4 posts?")).to_be_visible()


def test_without_scripts_the_posts_with_one_file_are_kept_and_returned(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    open_group(page, draft)
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", name="Remove 2 posts?")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("button", name="Undo the last Keep").click()
    expect(page.get_by_role("heading", name="Remove 4 posts?")).to_be_visible()
