"""Parse the structure of a JPEG: its markers, its scans, and where the picture ends."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.colour import Colour
from moderation.images.errors import InvalidImage
from moderation.images.exif import EXIF_PREFIX, UPRIGHT, only_orientation, orientation_in
from moderation.images.structure import Frame, SplicedFile, Structure

MARKER = re.compile(rb"\xff[^\x00\xff]")
# Within a scan, a byte FF is followed by 0, a restart marker or another FF.
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
START, END, SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
STANDALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
APPLICATION = range(0xE0, 0xF0)
JFIF, EXIF, ICC, ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what browsers show
UNSUPPORTED_FRAMES = set(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC} | {
    0xDE
}  # lossless, arithmetic, ...
PROGRESSIVE = 0xC2
ICC_NAME = b"ICC_PROFILE\0"
ICC_HEADER_BYTES = 4 + len(ICC_NAME) + 2  # marker, length, name, number and count of parts
JFIF_BYTES = 14  # without the thumbnail that may follow
COMPONENTS = (1, 3, 4)
MAX_SAMPLING = 4
BLOCK = 8  # pixels a side
COEFFICIENT_BYTES = 128  # bytes of a block, kept until the last scan
ROW_BYTES = 400  # bytes that the decoder keeps for each pixel of a row


@dataclass(slots=True)
class _State:
    """The state of the parser."""

    content: bytes
    width: int = 0
    height: int = 0
    is_progressive: bool = False
    blocks: dict[int, int] = field(default_factory=dict)  # by the component's number
    scans: int = 0
    visited: int = 0
    several_scans: bool = False
    metadata: int = 0
    orientation: int = 0
    jfif: bytes = b""
    icc: dict[int, tuple[int, int]] = field(default_factory=dict)  # segments, by their numbers
    icc_parts: int = 0
    kept: SplicedFile = field(default_factory=SplicedFile)


def parse(content: bytes) -> Structure:
    """Parse all segments up to the end of the picture. Raises InvalidImage."""
    state = _State(content)
    position = 2
    for _ in range(limits.MAX_SEGMENTS):
        match = MARKER.search(content, position)
        if match is None:
            raise InvalidImage("broken")
        marker, position = content[match.start() + 1], match.end()
        if marker == END:
            state.kept.add(b"\xff\xd9")
            return _structure(state)
        if marker not in STANDALONE:
            position = _segment(state, marker, match.start(), position)
    raise InvalidImage("parts")


def _segment(state: _State, marker: int, start: int, position: int) -> int:
    """Parse a segment; return where it ends, including the data of a scan."""
    length = int.from_bytes(state.content[position : position + 2])
    end = position + length
    if marker == START or length < 2 or end > len(state.content):  # noqa: PLR2004 - its own bytes
        raise InvalidImage("broken")
    data = state.content[position + 2 : end]
    if marker in APPLICATION or marker == COMMENT:
        _application(state, marker, data, end)
        return end
    if marker in UNSUPPORTED_FRAMES:
        raise InvalidImage("format")
    if marker in FRAMES:
        _frame(state, marker, data)
    if marker == SCAN:
        _scan(state, data)
        match = END_OF_SCAN.search(state.content, end)
        if match is None:
            raise InvalidImage("broken")
        end = match.start()
    state.kept.keep(start, end)
    return end


def _application(state: _State, marker: int, data: bytes, end: int) -> None:
    state.metadata += len(data)
    if state.metadata > limits.MAX_METADATA_BYTES:
        raise InvalidImage("metadata")
    if marker == JFIF and data.startswith(b"JFIF\0") and not state.jfif:
        state.jfif = (data[: JFIF_BYTES - 2] + b"\0\0") if len(data) >= JFIF_BYTES else b""
    elif marker == EXIF and data.startswith(EXIF_PREFIX):
        state.orientation = state.orientation or orientation_in(data)
    elif marker == ICC and data.startswith(ICC_NAME) and len(data) > len(ICC_NAME) + 2:
        number, state.icc_parts = data[len(ICC_NAME)], data[len(ICC_NAME) + 1]
        state.icc.setdefault(number, (end - len(data) - 4, end))
    elif marker == ADOBE and data.startswith(b"Adobe"):
        state.kept.add(_segment_bytes(ADOBE, data))


def _frame(state: _State, marker: int, data: bytes) -> None:
    """Read the size and the components. Raises InvalidImage."""
    try:
        depth, height, width, number = struct.unpack_from(">BHHB", data)
        parts = [struct.unpack_from(">BBB", data, 6 + 3 * n) for n in range(number)]
    except struct.error as error:
        raise InvalidImage("broken") from error
    sampling = [(part[1] >> 4, part[1] & 15) for part in parts]
    is_valid = all(1 <= side <= MAX_SAMPLING for pair in sampling for side in pair)
    if state.width or not (width and height) or number not in COMPONENTS or not is_valid:
        raise InvalidImage("broken")
    if depth != 8:  # noqa: PLR2004 - bits
        raise InvalidImage("format")
    if width * height > limits.MAX_PIXELS["JPEG"]:  # reject it before its scans are counted
        raise InvalidImage("pixels")
    state.width, state.height, state.is_progressive = width, height, marker == PROGRESSIVE
    max_x, max_y = (max(pair[axis] for pair in sampling) for axis in (0, 1))
    wide, high = -(-width // (BLOCK * max_x)), -(-height // (BLOCK * max_y))
    state.blocks = {
        part[0]: wide * x * high * y for part, (x, y) in zip(parts, sampling, strict=True)
    }
    if len(state.blocks) != number:
        raise InvalidImage("broken")


def _scan(state: _State, data: bytes) -> None:
    """Count a scan and the blocks that it covers. Raises InvalidImage."""
    number = data[0] if data else 0
    names = data[1 : 1 + 2 * number : 2]
    if not number or len(names) != number or any(name not in state.blocks for name in names):
        raise InvalidImage("broken")
    state.scans += 1
    state.visited += sum(state.blocks[name] for name in names)
    state.several_scans |= state.is_progressive or number < len(state.blocks)
    if state.scans > limits.MAX_SCANS or state.visited > limits.MAX_BLOCKS_VISITED:
        raise InvalidImage("parts")


def _structure(state: _State) -> Structure:
    if not state.scans:
        raise InvalidImage("broken")
    head = SplicedFile(b"\xff\xd8")
    if state.jfif:
        head.add(_segment_bytes(JFIF, state.jfif))
    profile = _profile(state)
    frame = _decoded_frame(state, head)
    orientation = state.orientation or UPRIGHT
    if orientation != UPRIGHT:
        head.add(_segment_bytes(EXIF, EXIF_PREFIX + only_orientation(orientation)))
    for number in sorted(state.icc) if profile else ():
        head.keep(*state.icc[number])
    stripped = SplicedFile(*head.pieces, *state.kept.pieces)
    return Structure(
        "JPEG", state.width, state.height, [frame], stripped, orientation, Colour(profile)
    )


def _decoded_frame(state: _State, head: SplicedFile) -> Frame:
    """Return the frame to decode, without profile and orientation.

    Its `work` is estimated for decoding it at an eighth of its size.
    """
    pixels = state.width * state.height
    coefficients = sum(state.blocks.values()) * COEFFICIENT_BYTES if state.several_scans else 0
    return Frame(
        state.width,
        state.height,
        SplicedFile(*head.pieces, *state.kept.pieces),
        pixel_bytes=1 if len(state.blocks) == 1 else 4,
        memory=coefficients + state.width * ROW_BYTES,
        work=state.visited / 20 + pixels / 400 + len(state.content) / 80,
    )


def _profile(state: _State) -> bytes:
    """Return the colour profile, joined from its parts; empty if a part is missing.

    Raises InvalidImage if the profile is above the limit.
    """
    if sorted(state.icc) != list(range(1, state.icc_parts + 1)):
        return b""
    parts = (state.icc[number] for number in sorted(state.icc))
    profile = b"".join(state.content[start + ICC_HEADER_BYTES : stop] for start, stop in parts)
    if len(profile) > limits.MAX_PROFILE_BYTES:
        raise InvalidImage("metadata")
    return profile


def _segment_bytes(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2) + data
