"""Similar texts of a draft are reviewed by keyboard and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from posts.models import Post, Report
from tests.admin.conftest import drafted, page_of
from tests.admin.test_text_groups import make_wave
from tests.browser.test_every_page import theme
from tests.picture_groups.test_similar_texts import GOOD

__all__ = ["theme"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = ".removal-objects tbody tr"


@pytest.fixture
def path(theme: None, moderator: User, make_posts: Callable[..., list[Post]]) -> str:
    """The path of a draft with five similar texts, of which two were reported, and another one."""
    posts = make_wave(5)
    for post in posts[:2]:
        Report.objects.create(post=post, reporter=moderator, reason="Spam")
    alone = Post.objects.create(author=moderator, title="Noise of the front wheel", body=GOOD)
    return page_of(drafted([*posts, alone, *make_posts(2)], moderator)) + "?show=without-pictures"


def test_a_post_of_a_group_is_kept_by_keyboard_without_scripts(
    path: str, moderator_page_without_scripts: Page
) -> None:
    page = moderator_page_without_scripts
    page.goto(path)
    entry = page.locator("tr", has_text="5 posts by 2 authors")
    expect(entry).to_contain_text("2 reported")
    entry.get_by_role("link", name="Show these posts with a text like that of “Offer 0”").focus()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(5)
    page.get_by_role("button", name="Keep “Offer 0”").focus()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(4)
    expect(page.get_by_text("4 posts by 2 authors")).to_be_visible()
    page.get_by_role("link", name="Back to all posts without pictures").click()
    expect(page.locator(ROWS)).to_have_count(2)


def test_all_posts_of_a_group_are_kept_with_one_key_and_returned(
    path: str, moderator_page: Page
) -> None:
    page = moderator_page
    page.goto(path)
    page.locator("tr[data-card]", has_text="5 posts").focus()
    page.keyboard.press("x")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#draft").get_by_text("Kept 5 posts")).to_be_visible()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(2)
