"""Parse the structure of a WebP: its chunks, and the frames of an animated WebP."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from moderation.images import limits
from moderation.images.colour import Colour
from moderation.images.errors import InvalidImage
from moderation.images.exif import UPRIGHT, only_orientation, orientation_in
from moderation.images.structure import Disposal, Frame, SplicedFile, Structure

HEADER_BYTES = 12
HAS_ANIMATION, HAS_EXIF, HAS_ALPHA, HAS_PROFILE = 0x02, 0x08, 0x10, 0x20
FRAME_HEADER_BYTES = 16
DISPOSE, REPLACE = 0x01, 0x02  # flags of a frame
# Pixels, blended pixels, and lossy and lossless bytes that can be decoded per microsecond.
PIXEL_RATE, BLEND_RATE, LOSSY_RATE, LOSSLESS_RATE = 90, 75, 16, 30
LOSSY_START, LOSSLESS_START = b"\x9d\x01\x2a", 0x2F

Chunk = tuple[bytes, int, int, int]  # name, start, start and end of its data


@dataclass(slots=True)
class _Image:
    """An encoded picture: its size and its chunks."""

    width: int
    height: int
    has_alpha: bool
    is_lossless: bool
    chunks: SplicedFile


@dataclass(slots=True)
class _State:
    """The state of the parser."""

    content: bytes
    count: int = 0
    metadata: int = 0
    orientation: int = 0
    canvas: tuple[int, int] = (0, 0)
    is_animated: bool = False
    profile: tuple[int, int] = (0, 0)
    loop: tuple[int, int] = (0, 0)
    alpha: tuple[int, int] = (0, 0)
    image: _Image | None = None
    frames: list[Frame] = field(default_factory=list)
    kept: list[SplicedFile] = field(default_factory=list)  # the frames as stored in the file


def parse(content: bytes) -> Structure:
    """Parse all chunks up to the end that the header declares. Raises InvalidImage."""
    state = _State(content)
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) + 1:  # the padding of an odd last chunk is often missing
        raise InvalidImage("broken")
    for each in _chunks(state, HEADER_BYTES, min(end, len(content))):
        _chunk(state, each)
        if state.image and not state.canvas[0]:  # the simple format ends with its picture
            break
    return _structure(state)


def _chunks(state: _State, position: int, end: int) -> Iterator[Chunk]:
    while position + 8 <= end:
        name, size = struct.unpack_from("<4sI", state.content, position)
        stop = position + 8 + size
        state.count += 1
        if stop > end:
            raise InvalidImage("broken")
        if state.count > limits.MAX_CHUNKS:
            raise InvalidImage("parts")
        yield name, position, position + 8, stop
        position = stop + size % 2


def _chunk(state: _State, each: Chunk) -> None:
    name, start, data, stop = each
    if start == HEADER_BYTES and name == b"VP8X":
        _canvas(state, data, stop)
    elif name in (b"VP8 ", b"VP8L"):
        if not state.is_animated and state.image is None:
            state.image = _image(state, each, state.alpha)
    elif name == b"ALPH":
        state.alpha = (start, stop)
    elif name == b"ANMF" and state.is_animated:
        _frame(state, data, stop)
    elif name == b"ANIM":
        state.loop = (data, stop)
    elif name == b"ICCP" and not state.profile[1]:
        state.profile = (data, stop)
        if stop - data > limits.MAX_PROFILE_BYTES:
            raise InvalidImage("metadata")
    else:
        _metadata(state, name, data, stop)


def _metadata(state: _State, name: bytes, start: int, stop: int) -> None:
    state.metadata += stop - start
    if state.metadata > limits.MAX_METADATA_BYTES:
        raise InvalidImage("metadata")
    if name == b"EXIF" and not state.orientation:
        state.orientation = orientation_in(state.content[start:stop])


def _canvas(state: _State, start: int, stop: int) -> None:
    if stop - start < 10:  # noqa: PLR2004 - bytes
        raise InvalidImage("broken")
    data = state.content[start:stop]
    state.is_animated = bool(data[0] & HAS_ANIMATION)
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
    state.canvas = (width, height)


def _image(state: _State, each: Chunk, alpha: tuple[int, int]) -> _Image:
    """Return an encoded picture with its size. Raises InvalidImage."""
    name, start, data, stop = each
    head = state.content[data : min(data + 10, stop)]
    file = SplicedFile()
    if name == b"VP8L" and len(head) >= 5 and head[0] == LOSSLESS_START:  # noqa: PLR2004 - bytes
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        has_alpha = bool(bits >> 28 & 1)
    elif name == b"VP8 " and head[3:6] == LOSSY_START and len(head) == 10:  # noqa: PLR2004
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", head, 6))
        has_alpha = bool(alpha[1])
        if has_alpha:
            _keep(file, *alpha)
    else:
        raise InvalidImage("broken")
    if not (width and height):
        raise InvalidImage("broken")
    _keep(file, start, stop)
    return _Image(width, height, has_alpha, name == b"VP8L", file)


def _keep(file: SplicedFile, start: int, stop: int) -> None:
    """Keep a chunk, padded to an even number of bytes."""
    file.keep(start, stop)
    if (stop - start) % 2:
        file.add(b"\0")


def _frame(state: _State, start: int, stop: int) -> None:
    """Parse a frame of an animation. Raises InvalidImage."""
    header = state.content[start : start + FRAME_HEADER_BYTES]
    if len(header) < FRAME_HEADER_BYTES:
        raise InvalidImage("broken")
    if len(state.frames) >= limits.MAX_FRAMES:
        raise InvalidImage("frames")
    x, y, width, height, time = (
        int.from_bytes(header[at : at + 3], "little") for at in (0, 3, 6, 9, 12)
    )
    alpha, image = (0, 0), None
    for each in _chunks(state, start + FRAME_HEADER_BYTES, stop):
        if each[0] == b"ALPH":
            alpha = (each[1], each[3])
        elif each[0] in (b"VP8 ", b"VP8L") and image is None:
            image = _image(state, each, alpha)
    if image is None or (width + 1, height + 1) != (image.width, image.height):
        raise InvalidImage("broken")
    flags = header[15]
    disposal = Disposal.CLEAR if flags & DISPOSE else Disposal.KEEP
    blends = image.has_alpha and not flags & REPLACE
    state.frames.append(_frame_of(image, 2 * x, 2 * y, time, disposal=disposal, blends=blends))
    size = FRAME_HEADER_BYTES + image.chunks.size()
    state.kept.append(
        SplicedFile(struct.pack("<4sI", b"ANMF", size) + header, *image.chunks.pieces),
    )


def _frame_of(
    image: _Image,
    x: int = 0,
    y: int = 0,
    milliseconds: int = 0,
    *,
    disposal: Disposal = Disposal.KEEP,
    blends: bool = False,
) -> Frame:
    """Return an encoded picture as a frame with its own file."""
    pixels, size = image.width * image.height, image.chunks.size()
    work = pixels / PIXEL_RATE + size / (LOSSLESS_RATE if image.is_lossless else LOSSY_RATE) + 150
    head = _extended_header(HAS_ALPHA if image.has_alpha else 0, image.width, image.height)
    return Frame(
        image.width,
        image.height,
        _riff_file(SplicedFile(head, *image.chunks.pieces)),
        pixel_bytes=4,
        memory=8 * pixels + size,  # libwebp's canvas twice, and the copy
        work=work + (pixels / BLEND_RATE if blends else 0),
        x=x,
        y=y,
        milliseconds=milliseconds,
        blends=blends,
        disposal=disposal,
    )


def _extended_header(flags: int, width: int, height: int) -> bytes:
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    return struct.pack("<4sIB3x", b"VP8X", 10, flags) + sides


def _riff_file(body: SplicedFile) -> SplicedFile:
    head = struct.pack("<4sI4s", b"RIFF", 4 + body.size(), b"WEBP")
    return SplicedFile(head, *body.pieces)


def _structure(state: _State) -> Structure:
    frames = state.frames if state.is_animated else [_frame_of(_still_image(state))]
    if not frames or any(_exceeds(state.canvas, frame) for frame in state.frames):
        raise InvalidImage("broken")
    image = state.image
    width, height = state.canvas if state.canvas[0] or not image else (image.width, image.height)
    profile = state.content[slice(*state.profile)]
    # Orientation and profile stay in the file, but browsers ignore the orientation, and the profile
    # of an animation.
    stripped = _stripped(state, width, height, state.orientation or UPRIGHT)
    colour = Colour(b"" if state.is_animated else profile)
    return Structure("WEBP", width, height, frames, stripped, colour=colour)


def _still_image(state: _State) -> _Image:
    image = state.image
    if image is None or state.canvas not in ((0, 0), (image.width, image.height)):
        raise InvalidImage("broken")
    return image


def _exceeds(canvas: tuple[int, int], frame: Frame) -> bool:
    return frame.x + frame.width > canvas[0] or frame.y + frame.height > canvas[1]


def _stripped(state: _State, width: int, height: int, orientation: int) -> SplicedFile:
    """Return the file without metadata, with its flags set accordingly."""
    if state.image and not state.canvas[0]:
        return _riff_file(state.image.chunks)
    flags = state.content[HEADER_BYTES + 8] & (HAS_ANIMATION | HAS_ALPHA)
    body = SplicedFile()
    if state.profile[1]:
        flags |= HAS_PROFILE
        _keep(body, state.profile[0] - 8, state.profile[1])
    if state.is_animated and state.loop[1]:
        _keep(body, state.loop[0] - 8, state.loop[1])
    pictures = state.kept if state.is_animated else [_still_image(state).chunks]
    body.pieces += [piece for each in pictures for piece in each.pieces]
    if orientation != UPRIGHT:
        flags |= HAS_EXIF
        exif = only_orientation(orientation)
        body.add(struct.pack("<4sI", b"EXIF", len(exif)) + exif)
    return _riff_file(SplicedFile(_extended_header(flags, width, height), *body.pieces))
