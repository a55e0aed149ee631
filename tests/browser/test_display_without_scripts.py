"""Changing how a draft is displayed loses nothing that was entered, without JavaScript either."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(moderator_page_without_scripts: Page, draft: Removal) -> Page:
    """The page of a draft with two posts to check first, of which one is ticked."""
    for title in ("Cheap pills 0", "Cheap pills 1"):
        draft.marked_objects.create(key=str(Post.objects.get(title=title).pk))
    page = moderator_page_without_scripts
    page.goto(page_of(draft) + "?show=objects")
    page.get_by_role("checkbox", name="Reviewed: “Cheap pills 0”").check()
    page.get_by_role("radio", name="Spam").check()
    page.get_by_label("Note").fill("ticket 12")
    return page


def test_saving_preferences_keeps_what_was_entered(page: Page, draft: Removal) -> None:
    page.get_by_role("button", name="Display", exact=True).click()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    expect(page.get_by_text("1 of 2 decided.")).to_be_visible()
    page.get_by_label("Note").fill("ticket 13")
    page.get_by_role("checkbox", name="Reviewed: “Cheap pills 1”").check()
    page.get_by_label("Blur pictures").uncheck()
    page.get_by_role("button", name="Save preferences").click()
    assert page.url.endswith("?show=objects#display")
    expect(page.get_by_role("button", name="Unblur all pictures")).to_have_count(0)
    expect(page.get_by_role("radio", name="Spam")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("ticket 13")
    expect(page.get_by_text("2 of 2 decided.")).to_be_visible()


def test_enter_on_a_preference_saves_it_and_removes_nothing(page: Page, draft: Removal) -> None:
    page.get_by_role("button", name="Display", exact=True).click()
    page.get_by_label("Blur pictures").uncheck()
    page.get_by_label("Blur pictures").press("Enter")
    expect(page.get_by_role("button", name="Unblur all pictures")).to_have_count(0)
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    draft.refresh_from_db()
    assert draft.state == RemovalState.DRAFT


def test_unblurring_all_pictures_keeps_what_was_entered(page: Page) -> None:
    page.get_by_role("button", name="Unblur all pictures").click()
    expect(page.get_by_role("button", name="Unblur all pictures")).to_have_count(0)
    expect(page.get_by_role("radio", name="Spam")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    expect(page.get_by_text("1 of 2 decided.")).to_be_visible()
