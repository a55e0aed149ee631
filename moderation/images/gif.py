"""Parse the structure of a GIF: its blocks and frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.errors import InvalidImage
from moderation.images.structure import Disposal, Frame, SplicedFile, Structure

HEADER_BYTES = 13
EXTENSION, IMAGE, TRAILER, STRAY = 0x21, 0x2C, 0x3B, 0x00
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # application extensions with the number of repetitions
HAS_PALETTE, INTERLACED, SIZE = 0x80, 0x40, 0x07
DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}  # 4: as browsers do
# Milliseconds. Browsers show a frame with a delay of 10 ms or less for 100 ms.
SHORTEST_DELAY, DEFAULT_DELAY = 10, 100


@dataclass(slots=True)
class _Control:
    """The graphic control extension of a frame."""

    start: int
    stop: int
    milliseconds: int
    disposal: Disposal
    transparent: int | None


@dataclass(slots=True)
class _State:
    """The state of the parser."""

    content: bytes
    width: int
    height: int
    palette: tuple[int, int]
    blocks: int = 0
    metadata: int = 0
    control: _Control | None = None
    frames: list[Frame] = field(default_factory=list)
    kept: SplicedFile = field(default_factory=SplicedFile)


def parse(content: bytes) -> Structure:
    """Parse all blocks up to the trailer. Raises InvalidImage."""
    if len(content) < HEADER_BYTES:
        raise InvalidImage("broken")
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    position = HEADER_BYTES + _palette_bytes(flags)
    state = _State(content, width, height, (HEADER_BYTES, position))
    state.kept.keep(0, position)
    while position < len(content):
        introducer = content[position]
        if introducer == TRAILER and state.frames:
            state.kept.add(bytes((TRAILER,)))
            return Structure("GIF", state.width, state.height, state.frames, state.kept)
        if introducer == EXTENSION:
            position = _extension(state, position)
        elif introducer == IMAGE:
            position = _image(state, position)
        elif introducer == STRAY:
            position += 1
            _count_block(state)
        else:
            break
    raise InvalidImage("broken")


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & SIZE) + 1) if flags & HAS_PALETTE else 0


def _count_block(state: _State) -> None:
    state.blocks += 1
    if state.blocks > limits.MAX_BLOCKS:
        raise InvalidImage("parts")


def _end_of_blocks(state: _State, position: int) -> int:
    """Return where a series of data blocks ends, and count them. Raises InvalidImage."""
    content, room = state.content, limits.MAX_BLOCKS - state.blocks
    try:
        for number in range(room):
            size = content[position]
            position += size + 1
            if not size:
                state.blocks += number + 1
                return position
    except IndexError as error:
        raise InvalidImage("broken") from error
    raise InvalidImage("parts")


def _extension(state: _State, start: int) -> int:
    content, position = state.content, start + 2
    end = _end_of_blocks(state, position)
    label, data = content[start + 1], content[position + 1 : position + 1 + content[position]]
    if label == CONTROL and len(data) >= 4:  # noqa: PLR2004 - bytes
        flags, hundredths, index = struct.unpack_from("<BHB", data)
        disposal = DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
        time = hundredths * 10 if hundredths * 10 > SHORTEST_DELAY else DEFAULT_DELAY
        state.control = _Control(start, end, time, disposal, index if flags & 1 else None)
    elif label == APPLICATION and data in LOOPS:
        state.kept.keep(start, end)
    else:
        state.metadata += end - start
        if state.metadata > limits.MAX_METADATA_BYTES:
            raise InvalidImage("metadata")
    return end


def _image(state: _State, start: int) -> int:
    try:
        x, y, width, height, flags = struct.unpack_from("<HHHHB", state.content, start + 1)
    except struct.error as error:
        raise InvalidImage("broken") from error
    data = start + 10 + _palette_bytes(flags)
    end = _end_of_blocks(state, data + 1)
    if len(state.frames) >= limits.MAX_FRAMES:
        raise InvalidImage("frames")
    if not state.frames:  # browsers enlarge the canvas for the first frame and crop the others
        state.width, state.height = max(state.width, x + width), max(state.height, y + height)
    if width and height:
        control = state.control or _Control(0, 0, DEFAULT_DELAY, Disposal.KEEP, None)
        palette = (start + 10, data) if flags & HAS_PALETTE else state.palette
        state.frames.append(
            Frame(
                width,
                height,
                _single_frame_file(width, height, flags, palette, (data, end)),
                pixel_bytes=1,
                memory=0,
                work=width * height / 95 + 150,
                x=x,
                y=y,
                milliseconds=control.milliseconds,
                blends=control.transparent is not None,
                disposal=control.disposal,
                transparent=control.transparent,
            )
        )
        state.kept.keep(control.start, control.stop)
        state.kept.keep(start, end)
    state.control = None
    return end


def _single_frame_file(
    width: int, height: int, flags: int, palette: tuple[int, int], data: tuple[int, int]
) -> SplicedFile:
    """Return a file with one opaque frame at the origin and its palette."""
    start, stop = palette
    size = max((stop - start) // 3, 2).bit_length() - 2
    screen = struct.pack("<HHBBB", width, height, HAS_PALETTE | size if stop > start else 0, 0, 0)
    image = struct.pack("<BHHHHB", IMAGE, 0, 0, width, height, flags & INTERLACED)
    colours = [palette] if stop > start else []
    return SplicedFile(b"GIF89a" + screen, *colours, image, data, bytes((TRAILER,)))
