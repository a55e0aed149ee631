"""Messages on the page of a draft are in sight; a request that fails leaves the page as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, Route, expect

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import page_of
from tests.helpers import drafted
from tests.review_rules.waves import make_post, make_wave

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EXCLUDE = "**/exclude/"
# What the routes of these tests answer in place of the server.
FAILURES: dict[str, tuple[Callable[[Route], None], str]] = {
    "an error": (
        lambda route: route.fulfill(status=500),
        "The server reported an error (500). The action may have been carried out in part.",
    ),
    "no answer": (
        lambda route: route.abort(),
        "The server did not answer, so the action may or may not have taken effect.",
    ),
    "an error after a redirect": (
        lambda route: route.fulfill(status=302, headers={"Location": "/admin/no-such-page/"}),
        "The server could not show the result (404). Reload the page to see it.",
    ),
}


@pytest.fixture
def draft(transactional_db: None, moderator: User) -> Removal:
    """A draft of a wave and of a post to check first."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    make_wave()
    make_post(title="Good", author="ann")
    return drafted(list(Post.objects.all()), moderator)


@pytest.fixture
def page(moderator_page: Page, draft: Removal) -> Page:
    moderator_page.set_viewport_size({"width": 1280, "height": 700})
    moderator_page.goto(f"{page_of(draft)}?show=objects")
    return moderator_page


def keep_button(page: Page, number: int) -> Locator:
    return page.locator("#selection [data-card]").nth(number).get_by_role("button").first


def expect_not_covered(element: Locator) -> None:
    """Expect that a click in the middle of an element hits it."""
    assert element.evaluate(
        """element => {
          const { left, top, width, height } = element.getBoundingClientRect();
          return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
        }"""
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_an_error_is_in_sight_and_the_focus_stays_on_the_button(
    width: int, page: Page, draft: Removal
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    other_tab = page.context.new_page()
    other_tab.goto(f"{page_of(draft)}?show=objects")
    keep_button(other_tab, 3).click()
    expect(other_tab.locator(".removal-last-kept")).to_be_visible()
    button = keep_button(page, 20)
    button.scroll_into_view_if_needed()
    name = button.get_attribute("aria-label") or ""
    button.click()
    message = page.locator(".messagelist")
    expect(message).to_contain_text("changed since you opened this page")
    expect(message).to_be_in_viewport(ratio=1)
    again = page.locator("#selection").get_by_role("button", name=name, exact=True)
    expect(again).to_be_focused()
    expect(again).to_be_in_viewport(ratio=1)
    expect_not_covered(again)
    expect(page.locator("p[role=status]")).to_contain_text("changed since you opened this page")


def test_a_message_is_in_sight_without_scripts_at_any_part_of_the_page(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(page_of(draft))
    page.get_by_role("button", name="Mark as reviewed").click()
    assert page.url.endswith("#check-first-heading")
    expect(page.locator(".messagelist")).to_contain_text("Nothing was marked as reviewed.")
    expect(page.locator(".messagelist")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="I have reviewed all of them").click()
    expect(page.locator(".messagelist")).to_contain_text("Marked as reviewed: 1 post.")
    expect(page.locator(".messagelist")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_keep_that_fails_says_so_and_leaves_the_page_as_it_was(
    failure: str, page: Page, draft: Removal
) -> None:
    answer, text = FAILURES[failure]
    page.get_by_label("Abuse").check()
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_label("Reviewed: “Good”").check()
    page.route(EXCLUDE, answer)
    button = keep_button(page, 20)
    name = button.get_attribute("aria-label") or ""
    button.scroll_into_view_if_needed()
    button.click()
    message = page.locator(".messagelist")
    expect(message).to_contain_text(text)
    expect(message).to_contain_text(name)
    expect(message).to_be_in_viewport(ratio=1)
    expect(page.locator("p[role=status]")).to_contain_text(text)
    expect(button).to_be_focused()
    expect_not_covered(button)
    expect(page.get_by_label("Abuse")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    expect(page.get_by_label("Reviewed: “Good”")).to_be_checked()
    draft.refresh_from_db()
    assert draft.kept_total == 0
    page.unroute(EXCLUDE)
    page.keyboard.press("Enter")
    expect(page.locator(".removal-last-kept")).to_be_visible()
    expect(message).to_have_count(0)


def test_a_key_that_fails_leaves_the_focus_on_the_card(page: Page) -> None:
    page.route(EXCLUDE, lambda route: route.fulfill(status=500))
    card = page.locator("#selection [data-card]").nth(12)
    card.focus()
    page.keyboard.press("x")
    expect(page.locator(".messagelist")).to_contain_text(
        "The action may have been carried out in part."
    )
    expect(card).to_be_focused()
