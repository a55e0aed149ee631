"""Screenshots of pages: SCREENSHOTS may name the folder in which they are saved."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = os.environ.get("SCREENSHOTS")
APPEARANCE = """() => {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return `${isDark ? "dark" : "light"}_${innerWidth}`;
}"""


def save(page: Page, state: str) -> None:
    """Save a screenshot of the whole page, named after its state, its colours and its width."""
    if FOLDER:
        path = Path(FOLDER) / f"{state}_{page.evaluate(APPEARANCE)}.png"
        page.screenshot(path=path, full_page=True)
