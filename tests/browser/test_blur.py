"""A picture is blurred again when the pointer, the focus or the finger has left it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import Removal
from tests.admin.conftest import drafted, page_of
from tests.browser.conftest import log_in
from tests.browser.pictures import BLURRED, GREY, IN_COLOUR, away, expect_filter, picture
from tests.posts.drawn import a_picture, a_post, animation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABS_WITH_PICTURES = ("groups", "pictures", "objects")


@pytest.fixture
def phone(chromium: Browser, live_server: LiveServer, moderator: User) -> Iterator[Page]:
    """A page of the moderator on a screen without a pointer."""
    context = chromium.new_context(
        base_url=live_server.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    log_in(context, moderator, live_server)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("tab", TABS_WITH_PICTURES)
def test_a_picture_is_grey_under_the_pointer_in_colour_after_a_click_and_blurred_afterwards(
    tab: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show={tab}")
    expect_filter(page, 0, BLURRED)
    picture(page, 0).hover()
    expect_filter(page, 0, GREY)
    expect_filter(page, 1, BLURRED)
    picture(page, 0).locator("img").click()
    expect_filter(page, 0, IN_COLOUR)
    away(page)
    expect_filter(page, 0, BLURRED)
    picture(page, 0).hover()
    expect_filter(page, 0, GREY)


def test_a_second_click_shows_a_picture_in_grey_again(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    for show in ("pictures", "groups"):
        page.goto(f"{page_of(draft)}?show={show}")
        for expected in (IN_COLOUR, GREY, IN_COLOUR):
            picture(page, 0).locator("img").click()
            expect_filter(page, 0, expected)


def test_a_click_on_another_picture_blurs_the_first(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=objects")
    picture(page, 0).locator("img").click()
    picture(page, 1).locator("img").click()
    expect_filter(page, 0, BLURRED)
    expect_filter(page, 1, IN_COLOUR)


def test_an_animated_picture_is_blurred_again_too(moderator_page: Page, moderator: User) -> None:
    post = a_post("Moving")
    a_picture(post, animation("GIF"))
    page = moderator_page
    page.goto(f"{page_of(drafted([post], moderator))}?show=pictures")
    picture(page, 0).get_by_text("animated").wait_for()
    picture(page, 0).locator("label").click()
    expect_filter(page, 0, IN_COLOUR)
    away(page)
    expect_filter(page, 0, BLURRED)


def test_with_the_keyboard_a_picture_is_blurred_when_the_focus_leaves_it(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(page_of(draft))
    page.get_by_text("Display", exact=True).focus()
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.removal-picture input')"):
        page.keyboard.press("Tab")
    expect_filter(page, 0, GREY)
    for expected in (IN_COLOUR, GREY, IN_COLOUR):
        page.keyboard.press("Space")
        expect_filter(page, 0, expected)
    page.keyboard.press("Tab")  # to its link, which enlarges it
    expect_filter(page, 0, IN_COLOUR)
    page.keyboard.press("Tab")
    expect_filter(page, 0, BLURRED)
    page.keyboard.press("Shift+Tab")
    expect_filter(page, 0, GREY)


def test_the_pictures_of_a_card_are_blurred_when_the_next_card_gets_the_focus(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=objects")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    expect_filter(page, 0, IN_COLOUR)
    page.keyboard.press("j")
    expect_filter(page, 0, BLURRED)
    page.keyboard.press("k")
    expect_filter(page, 0, GREY)


def test_on_a_phone_a_tap_unblurs_a_picture_until_the_next_tap(phone: Page, draft: Removal) -> None:
    page = phone
    page.goto(f"{page_of(draft)}?show=pictures")
    first = picture(page, 0).locator("img")
    for expected in (IN_COLOUR, BLURRED, IN_COLOUR):
        first.tap()
        expect_filter(page, 0, expected)
    page.locator(".removal-preview-details").first.tap()
    expect_filter(page, 0, BLURRED)
    first.tap()
    picture(page, 1).locator("img").tap()
    expect_filter(page, 0, BLURRED)
    expect_filter(page, 1, IN_COLOUR)


@pytest.mark.parametrize("tab", TABS_WITH_PICTURES)
def test_without_scripts_a_picture_is_blurred_when_the_pointer_leaves_it(
    tab: str, moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show={tab}")
    picture(page, 0).hover()
    expect_filter(page, 0, GREY)
    picture(page, 0).locator("img").click()
    expect_filter(page, 0, IN_COLOUR)
    away(page)
    expect_filter(page, 0, "blur(14px) grayscale(0)")
