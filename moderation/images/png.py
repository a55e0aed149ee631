"""Parse the structure of a PNG: its chunks, and the frames of an animated PNG."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.errors import InvalidImage
from moderation.images.exif import UPRIGHT, only_orientation, orientation_in
from moderation.images.png_colour import colour_of
from moderation.images.structure import Disposal, Frame, SplicedFile, Structure

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = 33  # the signature and IHDR, which is always the first
OVERHEAD = 12  # bytes of length, type and checksum
# The chunks that affect how the picture looks. All others are metadata.
COLOURS = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP"}
APPEARANCE = COLOURS | {b"tRNS", b"sBIT", b"bKGD", b"pHYs"}
ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
REQUIRED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    PALETTE: (1, 2, 4, 8),
    **dict.fromkeys((RGB, GREY_ALPHA, RGBA), (8, 16)),
}
SIXTEEN_BITS = 16  # bits per channel
CONTROL = struct.Struct(">IIIIIHHBB")  # the frame control chunk, fcTL
# The speed of the slowest filter, and that of zlib, in bytes per microsecond.
UNFILTER_RATE, INFLATE_RATE = 140, 250
DISPOSALS = {0: Disposal.KEEP, 1: Disposal.CLEAR, 2: Disposal.RESTORE}


@dataclass(slots=True)
class _FrameData:
    """A frame's control and the ranges of its compressed data."""

    control: tuple[int, ...]
    ranges: SplicedFile = field(default_factory=SplicedFile)


@dataclass(slots=True)
class _State:
    """The state of the parser."""

    content: bytes
    width: int = 0
    height: int = 0
    depth: int = 0
    colour_type: int = 0
    chunks: dict[bytes, bytes] = field(default_factory=dict)  # those that occur once
    image: _FrameData | None = None  # of IDAT
    frames: list[_FrameData] = field(default_factory=list)
    animated: int = 0  # the number of frames that acTL declares
    sequence: int = 0
    metadata: int = 0
    orientation: int = 0
    kept: list[tuple[int, int]] = field(default_factory=list)  # the chunks after the header


def parse(content: bytes) -> Structure:
    """Parse all chunks up to IEND. Raises InvalidImage."""
    state, position = _State(content), len(SIGNATURE)
    for _ in range(limits.MAX_CHUNKS):
        if position + OVERHEAD > len(content):
            raise InvalidImage("broken")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + OVERHEAD + length
        if end > len(content) or not name.isalpha() or (not state.width and name != b"IHDR"):
            raise InvalidImage("broken")
        if name == b"IEND":
            return _structure(state, position)
        _chunk(state, name, position, end)
        position = end
    raise InvalidImage("parts")


def _chunk(state: _State, name: bytes, position: int, end: int) -> None:
    start, stop = position + 8, end - 4
    is_required = name in REQUIRED or name in ANIMATION
    if not is_required and name not in APPEARANCE:
        if not name[0] & 32:  # critical: a decoder that does not know the chunk must not continue
            raise InvalidImage("broken")
        _metadata(state, name, start, stop)
        return
    checksum = zlib.crc32(memoryview(state.content)[position + 4 : stop])
    if checksum != int.from_bytes(state.content[stop:end]):
        if is_required:
            raise InvalidImage("broken")
        return  # browsers ignore a corrupt colour chunk
    if name in ANIMATION:
        _animation(state, name, start, stop)
    elif name == b"IDAT":
        _image_data(state, start, stop)
    elif name in state.chunks:
        if name == b"IHDR":
            raise InvalidImage("broken")
        return  # only the first counts
    else:
        state.chunks[name] = state.content[start:stop]
        if name == b"IHDR":
            _header(state)
            return
    state.kept.append((position, end))


def _metadata(state: _State, name: bytes, start: int, stop: int) -> None:
    state.metadata += stop - start
    if state.metadata > limits.MAX_METADATA_BYTES:
        raise InvalidImage("metadata")
    # Browsers read it only if it precedes the data.
    if name == b"eXIf" and not state.orientation and state.image is None:
        state.orientation = orientation_in(state.content[start:stop])


def _header(state: _State) -> None:
    try:
        header = struct.unpack(">IIBBBBB", state.chunks[b"IHDR"])
    except struct.error as error:
        raise InvalidImage("broken") from error
    state.width, state.height, state.depth, state.colour_type, packing, filtering, interlaced = (
        header
    )
    is_valid = state.depth in DEPTHS.get(state.colour_type, ()) and not packing and not filtering
    if not (state.width and state.height and is_valid and interlaced <= 1):
        raise InvalidImage("broken")


def _image_data(state: _State, start: int, stop: int) -> None:
    if state.image is None:
        state.image = _FrameData((0, state.width, state.height, 0, 0, 0, 0, 0, 0))
        if state.animated and state.frames:  # fcTL precedes IDAT: the first frame
            state.image = state.frames[0]
            if state.image.control[1:5] != (state.width, state.height, 0, 0):
                raise InvalidImage("broken")
    state.image.ranges.keep(start, stop)


def _animation(state: _State, name: bytes, start: int, stop: int) -> None:
    """Parse a chunk of the animation. Raises InvalidImage if it does not fit the others."""
    data = state.content[start : min(stop, start + CONTROL.size)]
    if name == b"acTL":
        if state.image is None and not state.animated and stop - start == 8:  # noqa: PLR2004
            state.animated = int.from_bytes(data[:4])
        return
    if not state.animated:
        return  # browsers ignore frames without acTL
    if len(data) < 4 or int.from_bytes(data[:4]) != state.sequence:  # noqa: PLR2004 - its number
        raise InvalidImage("broken")
    state.sequence += 1
    if name == b"fcTL":
        if len(data) != CONTROL.size:
            raise InvalidImage("broken")
        state.frames.append(_FrameData(CONTROL.unpack(data)))
        if len(state.frames) > limits.MAX_FRAMES:
            raise InvalidImage("frames")
    elif not state.frames or state.image is None:
        raise InvalidImage("broken")
    else:
        state.frames[-1].ranges.keep(start + 4, stop)


def _structure(state: _State, end: int) -> Structure:
    if state.image is None or not state.image.ranges.pieces:
        raise InvalidImage("broken")
    if state.colour_type == PALETTE and b"PLTE" not in state.chunks:
        raise InvalidImage("broken")
    frames = [_frame(state, data) for data in state.frames] if state.animated else []
    if state.animated and len(frames) != state.animated:
        raise InvalidImage("broken")
    colour = colour_of(state.chunks)
    orientation = state.orientation or UPRIGHT
    stripped = SplicedFile((0, HEADER_END))
    if orientation != UPRIGHT:
        stripped.add(chunk(b"eXIf", only_orientation(orientation)))
    for start, stop in (*state.kept, (end, end + OVERHEAD)):
        stripped.keep(start, stop)
    return Structure(
        "PNG",
        state.width,
        state.height,
        frames or [_frame(state, state.image)],
        stripped,
        orientation,
        colour,
    )


def _frame(state: _State, data: _FrameData) -> Frame:
    if not data.ranges.pieces:
        raise InvalidImage("broken")
    _, width, height, x, y, time, unit, disposal, blend = data.control
    is_inside = x + width <= state.width and y + height <= state.height
    if not (width and height and is_inside and disposal in DISPOSALS):
        raise InvalidImage("broken")
    bits = CHANNELS[state.colour_type] * state.depth
    has_alpha = state.colour_type in (GREY_ALPHA, RGBA) or b"tRNS" in state.chunks
    return Frame(
        width,
        height,
        _single_frame_file(state, data, width, height),
        pixel_bytes=_pillow_bytes(state),
        memory=0,
        work=height * (width * bits // 8 + 1) / UNFILTER_RATE
        + data.ranges.size() / INFLATE_RATE
        + 100,
        x=x,
        y=y,
        milliseconds=time * 1000 // (unit or 100),
        blends=bool(blend) and has_alpha,
        disposal=DISPOSALS[disposal],
        transparent=_transparent_grey(state),
    )


def _pillow_bytes(state: _State) -> int:
    """Return the bytes that Pillow needs per pixel: always four for colour pictures."""
    if state.colour_type in (GREY, PALETTE):
        return 2 if state.depth == SIXTEEN_BITS else 1
    return 4


def _single_frame_file(state: _State, data: _FrameData, width: int, height: int) -> SplicedFile:
    """Return a file with one frame and only the chunks that decoding it requires."""
    size = struct.pack(">II", width, height)
    head = SIGNATURE + chunk(b"IHDR", size + state.chunks[b"IHDR"][8:])
    if b"PLTE" in state.chunks:
        head += chunk(b"PLTE", state.chunks[b"PLTE"])
    if transparency := _transparency(state):
        head += chunk(b"tRNS", transparency)
    head += struct.pack(">I4s", data.ranges.size(), b"IDAT")
    return SplicedFile(head, *data.ranges.pieces, bytes(4), chunk(b"IEND", b""))


def _transparency(state: _State) -> bytes:
    """Return tRNS with eight bits per value, as Pillow expects it."""
    value = state.chunks.get(b"tRNS", b"")
    if state.colour_type == RGB and state.depth == SIXTEEN_BITS and len(value) == 6:  # noqa: PLR2004
        return bytes(byte for high in value[::2] for byte in (0, high))
    if state.colour_type == GREY and state.depth < SIXTEEN_BITS and len(value) == 2:  # noqa: PLR2004
        most = (1 << state.depth) - 1
        return ((int.from_bytes(value) & most) * 255 // most).to_bytes(2)
    return value if state.colour_type in (RGB, PALETTE) else b""


def _transparent_grey(state: _State) -> int | None:
    """Return the transparent value of 16-bit grey, which Pillow ignores."""
    value = state.chunks.get(b"tRNS", b"")
    is_grey = state.colour_type == GREY and state.depth == SIXTEEN_BITS
    return int.from_bytes(value) if is_grey and len(value) == 2 else None  # noqa: PLR2004


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4)
