"""The confirmation beside the selection: what refuses it, and the question before decisions go."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from moderation.models import Removal
from moderation.models.states import RemovalState
from tests.admin.conftest import page_of
from tests.browser import test_check_first
from tests.browser.accessibility import problems_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

theme, draft = test_check_first.theme, test_check_first.draft

OVERFLOW = "(element) => element.scrollHeight - element.clientHeight"


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def page(
    request: pytest.FixtureRequest, moderator_page: Page, moderator_page_without_scripts: Page
) -> Page:
    return moderator_page if request.param else moderator_page_without_scripts


def state(removal: Removal) -> str:
    removal.refresh_from_db()
    return removal.state


def test_a_refused_confirmation_fits_beside_the_selection_and_can_be_loaded_again(
    moderator_page_without_scripts: Page, draft: Removal, moderator: User, settings: object
) -> None:
    settings.MODERATION_TYPED_COUNT_FROM = 2  # type: ignore[attr-defined]
    page = moderator_page_without_scripts
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(page_of(draft))
    page.get_by_role("radio", name="Spam").check()
    page.locator("[name=typed_count]").fill("7")
    page.get_by_role("button", name="Remove 43 posts").click()
    expect(page.get_by_text("That is not the number selected. Type 43.")).to_be_visible()
    expect(page.locator("[name=typed_count]")).to_have_value("7")
    assert page.locator(".removal-aside").evaluate(OVERFLOW) <= 0
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    page.reload()
    assert set(methods) == {"GET"}
    expect(page.get_by_role("radio", name="Spam")).to_be_checked()


def test_a_draft_without_decisions_is_cancelled_immediately(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_role("button", name="Cancel – remove nothing").click()
    expect(page.get_by_text("The draft was cancelled. Nothing was removed.")).to_be_visible()
    assert state(draft) == RemovalState.CANCELLED


def test_cancelling_asks_before_decisions_are_lost(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_role("button", name="Keep “Good 1”").first.click()
    expect(page.get_by_text("1 of 3 decided.")).to_be_visible()
    page.get_by_role("button", name="Cancel – remove nothing").click()
    question = page.get_by_role("dialog", name="Cancel this draft?")
    expect(question).to_be_visible()
    expect(question.get_by_role("button", name="Back to the draft")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    assert state(draft) == RemovalState.DRAFT
    page.get_by_role("button", name="Cancel – remove nothing").click()
    question.get_by_role("button", name="Cancel the draft").click()
    expect(page.get_by_text("The draft was cancelled. Nothing was removed.")).to_be_visible()
    assert state(draft) == RemovalState.CANCELLED


def test_the_question_fits_a_phone_and_has_no_accessibility_problem(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page_of(draft))
    page.get_by_role("button", name="Keep “Good 1”").first.click()
    expect(page.get_by_text("1 of 3 decided.")).to_be_visible()
    page.get_by_role("button", name="Cancel – remove nothing").click()
    expect(page.get_by_role("dialog", name="Cancel this draft?")).to_be_visible()
    assert problems_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
