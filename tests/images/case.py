"""A picture of the catalogue, and the scene that most of them show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

SIZE = (96, 64)
CORNERS = ("#e02020", "#20c040", "#2040e0", "#e0c020")  # top left, right; bottom left, right
ACCEPTED = ""
REMEMBERED_BYTES = 3_000_000  # per file; those that take long to encode are smaller
_made: dict[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """A named file. `refused_as` is the code of the error, or empty if it is accepted.

    `looks` is set if a browser shows it, and shows the same as the moderator sees.
    """

    name: str
    make: Callable[[], bytes]
    refused_as: str = ACCEPTED
    looks: bool = True

    def content(self) -> bytes:
        """Return the file, from the cache if possible: some take seconds to encode."""
        if self.name in _made:
            return _made[self.name]
        content = self.make()
        if len(content) <= REMEMBERED_BYTES:
            _made[self.name] = content
        return content


def scene(size: tuple[int, int] = SIZE, *, shift: int = 0, mode: str = "RGB") -> Image.Image:
    """Return a picture of four areas in different colours, which `shift` rotates."""
    image = Image.new("RGB", size)
    half = size[0] // 2, size[1] // 2
    corners = [(0, 0), (half[0], 0), (0, half[1]), half]
    for number, corner in enumerate(corners):
        colour = CORNERS[(number + shift) % len(CORNERS)]
        image.paste(colour, (*corner, size[0] if corner[0] else half[0], size[1]))
    return image if mode == "RGB" else image.convert(mode)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Encode a picture with Pillow."""
    target = BytesIO()
    image.save(target, file_format, **options)
    return target.getvalue()


def cut(content: bytes, share: float) -> bytes:
    """Return the first part of a file."""
    return content[: int(len(content) * share)]


SHARES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
