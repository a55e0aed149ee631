"""The pictures on the page of a draft, and what hides them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

BLURRED = "blur(14px) grayscale(1)"
GREY = "blur(0px) grayscale(1)"
IN_COLOUR = "blur(0px) grayscale(0)"


def picture(page: Page, number: int) -> Locator:
    """Return a picture of the selection by its position."""
    return page.locator("#selection .removal-picture").nth(number)


def expect_filter(page: Page, number: int, expected: str) -> None:
    """Wait until a picture has this filter."""
    expect(picture(page, number).locator("img")).to_have_css("filter", expected)


def away(page: Page) -> None:
    """Move the pointer away from all pictures."""
    page.mouse.move(1, 1)
