"""A real Chromium for the tests: one that the machine has, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",  # a container's root has none to offer
    "--disable-gpu",
    # Nothing may leave the machine while the tests run.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = (
    "no Chromium was found: install one (Debian: apt-get install chromium) "
    "or name it in CHROMIUM, and the browser tests run"
)


def find() -> Path | None:
    """Return the Chromium that CHROMIUM names or the PATH has, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return Path(found) if found else None


@contextmanager
def launch(program: Path) -> Iterator[Browser]:
    """Run the browser; close it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
