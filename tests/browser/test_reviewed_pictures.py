"""Pictures of reviewed posts are left out, and shown again on request, without scripts too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import page_of
from tests.browser.accessibility import problems_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LEFT_OUT = "1 picture of posts that you reviewed is not shown again."


@pytest.fixture
def marked(draft: Removal) -> Removal:
    """The draft with a post to check first."""
    draft.marked_objects.create(key=str(Post.objects.get(title="Cheap pills 0").pk))
    return draft


def review_and_show_again(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    expect(page.locator("#selection [data-card]")).to_have_count(6)
    page.get_by_role("button", name="I have reviewed all of them").press("Enter")
    expect(page.get_by_text(LEFT_OUT)).to_be_visible()
    expect(page.locator("#selection [data-card]")).to_have_count(5)
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("link", name="Show it").press("Enter")
    expect(page.locator("#selection [data-card]")).to_have_count(6)
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("link", name="Hide it").press("Enter")
    expect(page.get_by_text(LEFT_OUT)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_of_a_reviewed_post_is_left_out_until_it_is_shown_again(
    moderator_page: Page, marked: Removal, width: int
) -> None:
    page = moderator_page
    page.set_viewport_size({"width": width, "height": 800})
    review_and_show_again(page, marked)
    assert problems_of(page) == []
    page.get_by_role("button", name="Undo the review").click()
    expect(page.get_by_text(LEFT_OUT)).to_have_count(0)
    expect(page.locator("#selection [data-card]")).to_have_count(6)


def test_without_scripts_the_links_save_what_was_entered(
    moderator_page_without_scripts: Page, marked: Removal
) -> None:
    review_and_show_again(moderator_page_without_scripts, marked)
