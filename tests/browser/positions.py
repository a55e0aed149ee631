"""Where elements are on the screen."""

from __future__ import annotations

from playwright.sync_api import Locator


def top_of(element: Locator) -> float:
    """Return the distance of an element from the top of the window, in pixels."""
    box = element.bounding_box()
    assert box
    return box["y"]
