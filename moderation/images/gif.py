"""Parse the structure of a GIF: its blocks and frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.errors import InvalidImage
from moderation.images.structure import Disposal, Frame, Recipe, Structure

HEADER_BYTES = 13
EXTENSION, IMAGE, TRAILER, STRAY = 0x21, 0x2C, 0x3B, 0x00
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # application extensions with the number of repetitions
HAS_PALETTE, INTERLACED, SIZE = 0x80, 0x40, 0x07
DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}  # 4: as browsers do
# Browsers show a frame of 10 ms or less for 100 ms.
SHORTEST, INSTEAD = 10, 100


@dataclass(slots=True)
class _Control:
    """The graphic control extension of a frame."""

    start: int
    stop: int
    milliseconds: int
    disposal: Disposal
    transparent: int | None


@dataclass(slots=True)
class _Walk:
    """The state of the parser."""

    content: bytes
    width: int
    height: int
    palette: tuple[int, int]
    blocks: int = 0
    metadata: int = 0
    control: _Control | None = None
    frames: list[Frame] = field(default_factory=list)
    kept: Recipe = field(default_factory=Recipe)


def walk(content: bytes) -> Structure:
    """Parse all blocks up to the trailer. Raises InvalidImage."""
    if len(content) < HEADER_BYTES:
        raise InvalidImage("broken")
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    position = HEADER_BYTES + _palette_bytes(flags)
    found = _Walk(content, width, height, (HEADER_BYTES, position))
    found.kept.keep(0, position)
    while position < len(content):
        kind = content[position]
        if kind == TRAILER and found.frames:
            found.kept.add(bytes((TRAILER,)))
            return Structure("GIF", found.width, found.height, found.frames, found.kept)
        if kind == EXTENSION:
            position = _extension(found, position)
        elif kind == IMAGE:
            position = _image(found, position)
        elif kind == STRAY:
            position += 1
            _count(found)
        else:
            break
    raise InvalidImage("broken")


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & SIZE) + 1) if flags & HAS_PALETTE else 0


def _count(found: _Walk) -> None:
    found.blocks += 1
    if found.blocks > limits.MAX_BLOCKS:
        raise InvalidImage("parts")


def _end_of_blocks(found: _Walk, position: int) -> int:
    """Return where a series of data blocks ends. Raises InvalidImage."""
    content, room = found.content, limits.MAX_BLOCKS - found.blocks
    try:
        for number in range(room):
            size = content[position]
            position += size + 1
            if not size:
                found.blocks += number + 1
                return position
    except IndexError as error:
        raise InvalidImage("broken") from error
    raise InvalidImage("parts")


def _extension(found: _Walk, start: int) -> int:
    content, position = found.content, start + 2
    end = _end_of_blocks(found, position)
    label, data = content[start + 1], content[position + 1 : position + 1 + content[position]]
    if label == CONTROL and len(data) >= 4:  # noqa: PLR2004 - bytes
        flags, hundredths, index = struct.unpack_from("<BHB", data)
        disposal = DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
        time = hundredths * 10 if hundredths * 10 > SHORTEST else INSTEAD
        found.control = _Control(start, end, time, disposal, index if flags & 1 else None)
    elif label == APPLICATION and data in LOOPS:
        found.kept.keep(start, end)
    else:
        found.metadata += end - start
        if found.metadata > limits.MAX_METADATA_BYTES:
            raise InvalidImage("metadata")
    return end


def _image(found: _Walk, start: int) -> int:
    try:
        x, y, width, height, flags = struct.unpack_from("<HHHHB", found.content, start + 1)
    except struct.error as error:
        raise InvalidImage("broken") from error
    data = start + 10 + _palette_bytes(flags)
    end = _end_of_blocks(found, data + 1)
    if len(found.frames) >= limits.MAX_FRAMES:
        raise InvalidImage("frames")
    if not found.frames:  # browsers enlarge the canvas for the first frame and crop the others
        found.width, found.height = max(found.width, x + width), max(found.height, y + height)
    if width and height:
        control = found.control or _Control(0, 0, INSTEAD, Disposal.KEEP, None)
        palette = (start + 10, data) if flags & HAS_PALETTE else found.palette
        found.frames.append(
            Frame(
                width,
                height,
                _single(width, height, flags, palette, (data, end)),
                memory=width * height,
                work=width * height / 95 + 150,
                x=x,
                y=y,
                milliseconds=control.milliseconds,
                blends=control.transparent is not None,
                disposal=control.disposal,
                transparent=control.transparent,
            )
        )
        found.kept.keep(control.start, control.stop)
        found.kept.keep(start, end)
    found.control = None
    return end


def _single(
    width: int, height: int, flags: int, palette: tuple[int, int], data: tuple[int, int]
) -> Recipe:
    """Return a file with one opaque frame at the origin and its palette."""
    start, stop = palette
    size = max((stop - start) // 3, 2).bit_length() - 2
    screen = struct.pack("<HHBBB", width, height, HAS_PALETTE | size if stop > start else 0, 0, 0)
    image = struct.pack("<BHHHHB", IMAGE, 0, 0, width, height, flags & INTERLACED)
    colours = [palette] if stop > start else []
    return Recipe(b"GIF89a" + screen, *colours, image, data, bytes((TRAILER,)))
