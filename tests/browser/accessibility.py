"""What is wrong with a page for people who do not see it, or see it on a small screen."""

from __future__ import annotations

from collections.abc import Collection

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import screenshots


def problems_of(page: Page, ignored: Collection[str] = (), *, state: str = "") -> list[str]:
    """Return which rules of accessibility a page breaks, and whether it scrolls sideways.

    If `state` names the state of the page, a screenshot may be saved as well.
    """
    if state:
        screenshots.save(page, state)
    found = [
        f"{each['id']} at {each['nodes'][0]['target']}"
        for each in Axe().run(page).response["violations"]
        if each["id"] not in ignored
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    return found
