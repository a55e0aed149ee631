"""Parse the structure of a PNG: its chunks, and the frames of an animated PNG."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.errors import InvalidImage
from moderation.images.exif import UPRIGHT, only_orientation, orientation_in
from moderation.images.png_colour import colour_of
from moderation.images.structure import Disposal, Frame, Recipe, Structure

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = 33  # the signature and IHDR, which is always the first
AROUND = 12  # bytes of length, type and checksum
# The chunks that affect how the picture looks. All others are metadata.
COLOURS = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP"}
LOOKS = COLOURS | {b"tRNS", b"sBIT", b"bKGD", b"pHYs"}
ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    PALETTE: (1, 2, 4, 8),
    **dict.fromkeys((RGB, GREY_ALPHA, RGBA), (8, 16)),
}
TWO_BYTES = 16  # bits per channel
CONTROL = struct.Struct(">IIIIIHHBB")  # the frame control chunk, fcTL
# Bytes per microsecond: of the slowest filter, and of zlib.
UNFILTERED, UNPACKED = 140, 250
DISPOSALS = {0: Disposal.KEEP, 1: Disposal.CLEAR, 2: Disposal.RESTORE}


@dataclass(slots=True)
class _Data:
    """A frame's control and the ranges of its compressed data."""

    control: tuple[int, ...]
    ranges: Recipe = field(default_factory=Recipe)


@dataclass(slots=True)
class _Walk:
    """The state of the parser."""

    content: bytes
    width: int = 0
    height: int = 0
    depth: int = 0
    kind: int = 0
    chunks: dict[bytes, bytes] = field(default_factory=dict)  # those that occur once
    image: _Data | None = None  # of IDAT
    frames: list[_Data] = field(default_factory=list)
    animated: int = 0  # the number of frames that acTL declares
    sequence: int = 0
    metadata: int = 0
    orientation: int = 0
    kept: list[tuple[int, int]] = field(default_factory=list)  # the chunks after the header


def walk(content: bytes) -> Structure:
    """Parse all chunks up to IEND. Raises InvalidImage."""
    found, position = _Walk(content), len(SIGNATURE)
    for _ in range(limits.MAX_CHUNKS):
        if position + AROUND > len(content):
            raise InvalidImage("broken")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + AROUND + length
        if end > len(content) or not name.isalpha() or (not found.width and name != b"IHDR"):
            raise InvalidImage("broken")
        if name == b"IEND":
            return _structure(found, position)
        _chunk(found, name, position, end)
        position = end
    raise InvalidImage("parts")


def _chunk(found: _Walk, name: bytes, position: int, end: int) -> None:
    start, stop = position + 8, end - 4
    is_needed = name in NEEDED or name in ANIMATION
    if not is_needed and name not in LOOKS:
        if not name[0] & 32:  # critical: who does not know the chunk must not decode
            raise InvalidImage("broken")
        _metadata(found, name, start, stop)
        return
    summed = zlib.crc32(memoryview(found.content)[position + 4 : stop])
    if summed != int.from_bytes(found.content[stop:end]):
        if is_needed:
            raise InvalidImage("broken")
        return  # browsers ignore a corrupt colour chunk
    if name in ANIMATION:
        _animation(found, name, start, stop)
    elif name == b"IDAT":
        _image_data(found, start, stop)
    elif name in found.chunks:
        if name == b"IHDR":
            raise InvalidImage("broken")
        return  # only the first counts
    else:
        found.chunks[name] = found.content[start:stop]
        if name == b"IHDR":
            _header(found)
            return
    found.kept.append((position, end))


def _metadata(found: _Walk, name: bytes, start: int, stop: int) -> None:
    found.metadata += stop - start
    if found.metadata > limits.MAX_METADATA_BYTES:
        raise InvalidImage("metadata")
    # Browsers read it only if it precedes the data.
    if name == b"eXIf" and not found.orientation and found.image is None:
        found.orientation = orientation_in(found.content[start:stop])


def _header(found: _Walk) -> None:
    try:
        header = struct.unpack(">IIBBBBB", found.chunks[b"IHDR"])
    except struct.error as error:
        raise InvalidImage("broken") from error
    found.width, found.height, found.depth, found.kind, packing, filtering, interlaced = header
    sound = found.depth in DEPTHS.get(found.kind, ()) and not packing and not filtering
    if not (found.width and found.height and sound and interlaced <= 1):
        raise InvalidImage("broken")


def _image_data(found: _Walk, start: int, stop: int) -> None:
    if found.image is None:
        found.image = _Data((0, found.width, found.height, 0, 0, 0, 0, 0, 0))
        if found.animated and found.frames:  # fcTL precedes IDAT: the first frame
            found.image = found.frames[0]
            if found.image.control[1:5] != (found.width, found.height, 0, 0):
                raise InvalidImage("broken")
    found.image.ranges.keep(start, stop)


def _animation(found: _Walk, name: bytes, start: int, stop: int) -> None:
    """Parse a chunk of the animation. Raises InvalidImage if it does not fit the others."""
    data = found.content[start : min(stop, start + CONTROL.size)]
    if name == b"acTL":
        if found.image is None and not found.animated and stop - start == 8:  # noqa: PLR2004
            found.animated = int.from_bytes(data[:4])
        return
    if not found.animated:
        return  # browsers ignore frames without acTL
    if len(data) < 4 or int.from_bytes(data[:4]) != found.sequence:  # noqa: PLR2004 - its number
        raise InvalidImage("broken")
    found.sequence += 1
    if name == b"fcTL":
        if len(data) != CONTROL.size:
            raise InvalidImage("broken")
        found.frames.append(_Data(CONTROL.unpack(data)))
        if len(found.frames) > limits.MAX_FRAMES:
            raise InvalidImage("frames")
    elif not found.frames or found.image is None:
        raise InvalidImage("broken")
    else:
        found.frames[-1].ranges.keep(start + 4, stop)


def _structure(found: _Walk, end: int) -> Structure:
    if found.image is None or not found.image.ranges.pieces:
        raise InvalidImage("broken")
    if found.kind == PALETTE and b"PLTE" not in found.chunks:
        raise InvalidImage("broken")
    frames = [_frame(found, data) for data in found.frames] if found.animated else []
    if found.animated and len(frames) != found.animated:
        raise InvalidImage("broken")
    colour = colour_of(found.chunks)
    orientation = found.orientation or UPRIGHT
    stripped = Recipe((0, HEADER_END))
    if orientation != UPRIGHT:
        stripped.add(chunk(b"eXIf", only_orientation(orientation)))
    for start, stop in (*found.kept, (end, end + AROUND)):
        stripped.keep(start, stop)
    return Structure(
        "PNG",
        found.width,
        found.height,
        frames or [_frame(found, found.image)],
        stripped,
        orientation,
        colour,
    )


def _frame(found: _Walk, data: _Data) -> Frame:
    if not data.ranges.pieces:
        raise InvalidImage("broken")
    _, width, height, x, y, time, unit, disposal, blend = data.control
    inside = x + width <= found.width and y + height <= found.height
    if not (width and height and inside and disposal in DISPOSALS):
        raise InvalidImage("broken")
    bits = CHANNELS[found.kind] * found.depth
    shines_through = found.kind in (GREY_ALPHA, RGBA) or b"tRNS" in found.chunks
    return Frame(
        width,
        height,
        _single(found, data, width, height),
        memory=width * height * _pillow_bytes(found),
        work=height * (width * bits // 8 + 1) / UNFILTERED + data.ranges.size() / UNPACKED + 100,
        x=x,
        y=y,
        milliseconds=time * 1000 // (unit or 100),
        blends=bool(blend) and shines_through,
        disposal=DISPOSALS[disposal],
        transparent=_transparent_grey(found),
    )


def _pillow_bytes(found: _Walk) -> int:
    """Return the bytes per pixel in memory: colour pictures take four in any case."""
    if found.kind in (GREY, PALETTE):
        return 2 if found.depth == TWO_BYTES else 1
    return 4


def _single(found: _Walk, data: _Data, width: int, height: int) -> Recipe:
    """Return a file with one frame and only what its decoding needs, with correct checksums."""
    size = struct.pack(">II", width, height)
    head = SIGNATURE + chunk(b"IHDR", size + found.chunks[b"IHDR"][8:])
    if b"PLTE" in found.chunks:
        head += chunk(b"PLTE", found.chunks[b"PLTE"])
    if transparency := _transparency(found):
        head += chunk(b"tRNS", transparency)
    head += struct.pack(">I4s", data.ranges.size(), b"IDAT")
    return Recipe(head, *data.ranges.pieces, bytes(4), chunk(b"IEND", b""))


def _transparency(found: _Walk) -> bytes:
    """Return the transparent value in eight bits, as Pillow expects it."""
    value = found.chunks.get(b"tRNS", b"")
    if found.kind == RGB and found.depth == TWO_BYTES and len(value) == 6:  # noqa: PLR2004
        return bytes(byte for high in value[::2] for byte in (0, high))
    if found.kind == GREY and found.depth < TWO_BYTES and len(value) == 2:  # noqa: PLR2004
        most = (1 << found.depth) - 1
        return ((int.from_bytes(value) & most) * 255 // most).to_bytes(2)
    return value if found.kind in (RGB, PALETTE) else b""


def _transparent_grey(found: _Walk) -> int | None:
    """Return the transparent value of 16-bit grey, which Pillow ignores."""
    value = found.chunks.get(b"tRNS", b"")
    is_grey = found.kind == GREY and found.depth == TWO_BYTES
    return int.from_bytes(value) if is_grey and len(value) == 2 else None  # noqa: PLR2004


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4)
