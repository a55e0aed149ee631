"""Do what a moderator does in a browser, and count it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from playwright.sync_api import Locator, Page

# The pictures in sight, by the name of their posts' or groups' cards where pictures repeat.
PICTURES_IN_SIGHT = """() => [...document.images]
  .filter((image) => image.closest(".removal-picture, .removal-object-pictures, #result_list"))
  .filter((image) => {
    const box = image.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  })
  .map((image) => image.src)"""


@dataclass
class Steps:
    """Numbers of steps. Text that is typed into one field is one step."""

    loads: int = 0
    clicks: int = 0
    keys: int = 0
    texts: int = 0
    screens: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def interactions(self) -> int:
        """Return the number of clicks, keys and texts."""
        return self.clicks + self.keys + self.texts

    @property
    def pictures(self) -> int:
        """Return the number of different pictures that were in sight."""
        return len(self.seen)


class CountedPage:
    """A page of which each step is counted.

    Steps within `deciding` count apart. A screen is the height of the window, scrolled once.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps, self.decisions = Steps(), Steps()
        self._current = self.steps
        page.on("load", lambda _page: self._add("loads"))

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Count the steps of the block as decisions about marked posts."""
        self._current = self.decisions
        yield
        self._current = self.steps

    def open(self, url: str) -> None:
        """Open a page by its URL, which is only a load."""
        self.page.goto(url)

    def click(self, element: Locator) -> None:
        self._add("clicks")
        element.click()

    def press(self, key: str) -> None:
        self._add("keys")
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self._add("texts")
        self.page.keyboard.type(text)

    def look(self) -> None:
        """Look at the pictures in sight."""
        self._current.seen.update(self.page.evaluate(PICTURES_IN_SIGHT))

    def look_through(self, part: Locator) -> Iterator[None]:
        """Scroll through a part of the page; yield for each screen, and look at its pictures."""
        while True:
            self.look()
            yield
            box: Any = part.bounding_box()
            height = self.page.evaluate("innerHeight")
            if box["y"] + box["height"] <= height:
                return
            self._add("screens")
            self.page.evaluate("scrollBy(0, innerHeight)")

    def add(self, **numbers: int) -> None:
        """Count steps that are not done here."""
        for name, number in numbers.items():
            self._add(name, number)

    def _add(self, name: str, number: int = 1) -> None:
        setattr(self._current, name, getattr(self._current, name) + number)


def table(columns: dict[str, Steps]) -> str:
    """Return a table in Markdown with a column for each way."""
    names = [each.name for each in fields(Steps) if each.name != "seen"]
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    for name in (*names, "interactions", "pictures"):
        values = " | ".join(f"{getattr(steps, name):,}" for steps in columns.values())
        lines.append(f"| {name} | {values} |")
    return "\n".join(lines)
