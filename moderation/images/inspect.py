"""Inspect a file before any of it is decoded."""

from __future__ import annotations

from collections.abc import Callable

from moderation.images import costs, gif, jpeg, limits, png, webp
from moderation.images.errors import InvalidImage
from moderation.images.structure import Structure

RIFF, WEBP = b"RIFF", b"WEBP"
PARSERS: tuple[tuple[tuple[bytes, ...], Callable[[bytes], Structure]], ...] = (
    ((b"\xff\xd8\xff",), jpeg.parse),
    ((png.SIGNATURE,), png.parse),
    ((b"GIF87a", b"GIF89a"), gif.parse),
)


def inspect(content: bytes) -> Structure:
    """Parse the structure of a file and check it against the limits, without decoding anything.

    Raises InvalidImage unless it is a complete JPEG, PNG, GIF or WebP within the limits.
    """
    if not content:
        raise InvalidImage("empty")
    if len(content) > limits.MAX_BYTES:
        raise InvalidImage("bytes")
    structure = _parser_for(content)(content)
    _check_size(structure)
    _check_cost(structure, len(content))
    return structure


def _parser_for(content: bytes) -> Callable[[bytes], Structure]:
    for signatures, parse in PARSERS:
        if content.startswith(signatures):
            return parse
    if content.startswith(RIFF) and content[8:12] == WEBP:
        return webp.parse
    raise InvalidImage("format")


def _check_size(structure: Structure) -> None:
    """Check the sides and the area of the canvas and of every frame. Raises InvalidImage."""
    sizes = [(frame.width, frame.height) for frame in structure.frames]
    sizes.append((structure.width, structure.height))
    if any(width * height > limits.MAX_PIXELS[structure.format] for width, height in sizes):
        raise InvalidImage("pixels")
    if any(side > limits.MAX_SIDE for size in sizes for side in size):
        raise InvalidImage("side")
    if len(sizes) - 1 > limits.MAX_FRAMES:
        raise InvalidImage("frames")
    if structure.is_animated and _all_pixels(structure) > limits.MAX_PIXELS_ANIMATED:
        raise InvalidImage("frames")


def _all_pixels(structure: Structure) -> int:
    return sum(frame.pixels for frame in structure.frames)


def _check_cost(structure: Structure, size: int) -> None:
    """Check the memory and time that a thumbnail is estimated to take. Raises InvalidImage."""
    if costs.memory_of(structure, size, costs.SMALLEST_SIDE) > limits.MAX_MEMORY:
        raise InvalidImage("pixels")
    if costs.work_of(structure, costs.SMALLEST_SIDE) > limits.MAX_WORK:
        raise InvalidImage("frames" if structure.is_animated else "pixels")
