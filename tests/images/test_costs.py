"""The cost of showing a picture is estimated for the size at which it is shown."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from moderation.admin.thumbnails import LARGE_SIDE, MAX_SIDE, thumbnail_of
from moderation.images import inspect, limits
from moderation.images.costs import (
    SMALLEST_SIDE,
    affordable_side,
    decoded_size,
    memory_of,
    work_of,
)
from moderation.images.decode import _decode_frame
from tests.images import jpegs
from tests.images.case import saved, scene
from tests.images.catalogue import BY_NAME

SIDES = (SMALLEST_SIDE, MAX_SIDE, LARGE_SIDE)
SIZES = [
    (96, 64),
    (641, 480),
    (640, 427),
    (1279, 853),
    (2560, 1707),
    (2561, 37),
    (3201, 5),
    (6399, 9),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", SIDES)
def test_a_jpeg_is_decoded_at_the_estimated_size(size: tuple[int, int], side: int) -> None:
    content = jpegs.large(*size)
    structure = inspect(content)
    (frame,) = structure.frames
    decoded = _decode_frame(content, structure, frame, side)
    assert decoded.size == decoded_size(structure, frame, side)
    assert max(decoded.size) >= min(side, max(size))


@pytest.mark.parametrize("name", ["jpeg-3199-square", "jpeg-6398-square"])
def test_a_picture_just_too_small_for_a_smaller_scale_takes_41_mb_and_a_copy(name: str) -> None:
    content = BY_NAME[name].content()
    structure, picture = inspect(content), 4 * 3199**2
    assert memory_of(structure, len(content), LARGE_SIDE) > 2 * picture
    assert memory_of(structure, len(content), SMALLEST_SIDE) < picture
    assert work_of(structure, LARGE_SIDE) > work_of(structure, SMALLEST_SIDE)


@pytest.mark.parametrize(
    ("limit", "image_format", "size"),
    [
        ("MAX_MEMORY", "JPEG", (800, 533)),
        ("MAX_MEMORY", "PNG", (400, 267)),
        ("MAX_WORK", "JPEG", (800, 533)),
        ("MAX_WORK", "PNG", (800, 533)),
    ],
)
def test_a_picture_that_would_take_too_much_is_shown_smaller(
    limit: str, image_format: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(scene((2400, 1600)), image_format)
    structure, side = inspect(content), max(size)
    assert shown(content) == (1600, 1067)
    costs = {
        "MAX_MEMORY": memory_of(structure, len(content), side),
        "MAX_WORK": work_of(structure, side),
    }
    monkeypatch.setattr(limits, limit, costs[limit])
    assert shown(content) == size


def shown(content: bytes) -> tuple[int, int]:
    """Return the size of a picture in the large view."""
    return Image.open(BytesIO(thumbnail_of(content, LARGE_SIDE))).size


def test_every_accepted_picture_is_shown_within_the_limits() -> None:
    for name in ("jpeg-6398-square-progressive-of-15-mb", "png-5700-square-of-15-mb"):
        content = BY_NAME[name].content()
        structure = inspect(content)
        for side in SIDES:
            allowed = affordable_side(structure, len(content), side)
            assert memory_of(structure, len(content), allowed) <= limits.MAX_MEMORY
            assert work_of(structure, allowed) <= limits.MAX_WORK
