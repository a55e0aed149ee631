"""The ways to use a page: by keyboard alone, without scripts, and on the screen of a phone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

KEYBOARD, NO_SCRIPTS, TELEPHONE = "keyboard", "no-scripts", "390"
MOST_TABS = 250  # to go through the longest of these pages, with the menu
HAS_FOCUS = "each => each === document.activeElement"
GROUP_HAS_FOCUS = "each => each.name === document.activeElement.name"


def in_ways(*names: str) -> pytest.MarkDecorator:
    """Run a test, which has the fixture `way`, once for each of these ways."""
    return pytest.mark.parametrize("way", names, indirect=True)


@dataclass(frozen=True, slots=True)
class Way:
    """A page of the moderator, and how it is used."""

    page: Page
    name: str

    def press(self, element: Locator) -> None:
        """Click a link, a button or a box; by keyboard, go to it with Tab and press its key."""
        if self.name != KEYBOARD:
            element.click()
            return
        self._tab_until(element, HAS_FOCUS)
        is_box = element.evaluate("each => each.matches('input')")
        self.page.keyboard.press("Space" if is_box else "Enter")

    def choose(self, option: Locator) -> None:
        """Choose one of several radio buttons; by keyboard, go to the group, then to the option."""
        if self.name != KEYBOARD:
            option.click()
            return
        self._tab_until(option, GROUP_HAS_FOCUS)
        self.page.keyboard.press("Space")
        while not option.evaluate(HAS_FOCUS):
            self.page.keyboard.press("ArrowDown")
        expect(option).to_be_checked()

    def expect_fit(self) -> None:
        """Fail if the page is wider than the screen."""
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def _tab_until(self, element: Locator, condition: str) -> None:
        for _ in range(MOST_TABS):
            if element.evaluate(condition):
                expect(element).to_be_in_viewport()
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{element} cannot be reached with Tab")
