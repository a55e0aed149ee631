"""Moderators see the same as Chromium shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page

from moderation.images import decode, inspect
from tests.images.case import Case
from tests.images.catalogue import CASES
from tests.images.chromium import as_image, frames_of, on_white, open_empty

pytestmark = pytest.mark.browser

# The mean difference of 255 that scaling and rounding cause, over all pixels and channels. A
# rotated picture differs by at least 25, one in other colours by at least 10.
TOLERANCE = 5
VISIBLE = [case for case in CASES if case.looks and not case.refused_as]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    opened = chromium.new_page()
    open_empty(opened)
    yield opened
    opened.close()


def difference(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


@pytest.mark.parametrize("case", VISIBLE, ids=lambda case: case.name)
def test_the_moderator_sees_what_chromium_shows(case: Case, page: Page) -> None:
    content = case.content()
    structure = inspect(content)
    ours = decode(content, structure, 320)
    stripped = structure.stripped.build(content)
    for file in (content, stripped):
        shown = frames_of(page, case, file, structure.representative_frames())
        sizes = {(each["width"], each["height"]) for each in shown}
        assert sizes == {structure.upright_size}
        for mine, theirs in zip(ours, shown, strict=True):
            found = difference(on_white(mine), as_image(theirs))
            assert found < TOLERANCE
