"""Decode pictures: a few files at a time, frame by frame, and not larger than needed.

The result is small, upright and in sRGB, as a browser would show it. No other module decodes files.
"""

from __future__ import annotations

import ctypes
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from threading import Condition, Lock

from PIL import Image, ImageChops, _webp

from moderation.images import costs, limits
from moderation.images.colour import to_srgb
from moderation.images.errors import InvalidImage
from moderation.images.structure import Disposal, Frame, Structure

# The exceptions of Pillow's decoders for data that does not match its header.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
# EXIF orientations, with the transformation that makes the picture upright.
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# glibc's number for the option, and the size in bytes from which a freed block is returned to the
# system immediately.
M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 1_000_000


def _release_large_blocks() -> None:
    """Tell glibc to return large blocks of freed memory to the system, in the whole process.

    By default, it starts to keep freed blocks of up to 32 MB, separately for each thread: two
    threads that decode one after the other would take twice as much memory.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


_release_large_blocks()


class _Slots:
    """Limits concurrent decoding: a few files at a time, large ones alone, in order of arrival."""

    def __init__(self) -> None:
        self._next = Lock()  # held by the next thread in line
        self._changed = Condition()
        self._running = self._memory = 0

    @contextmanager
    def reserve(self, memory: int) -> Iterator[None]:
        with self._next, self._changed:
            self._changed.wait_for(lambda: self._has_room(memory))
            self._running += 1
            self._memory += memory
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._memory -= memory
                self._changed.notify_all()

    def _has_room(self, memory: int) -> bool:
        fits = self._memory + memory <= limits.MAX_MEMORY or not self._running
        return fits and self._running < limits.MAX_CONCURRENT


_slots = _Slots()


def decode(content: bytes, structure: Structure, side: int) -> list[Image.Image]:
    """Return the frames that represent a file, each at most `side` pixels a side, upright, in sRGB.

    A still picture has one, an animation those of `Structure.representative_frames`. Their mode is
    RGB or RGBA. They are smaller if the limits require it; see `costs.affordable_side`. Waits while
    other files are decoded. Raises InvalidImage if the data is broken.
    """
    side = costs.affordable_side(structure, len(content), side)
    with _slots.reserve(costs.memory_of(structure, len(content), side)):
        try:
            images = _frames(content, structure, side)
            return [_finish(image, structure, side) for image in images]
        except DECODING_ERRORS as error:
            raise InvalidImage("broken") from error


def _frames(content: bytes, structure: Structure, side: int) -> Iterator[Image.Image]:
    if structure.is_composed:
        yield from _compose(content, structure, side)
        return
    frame = structure.frames[0]
    # Not in a variable, which would keep the decoded picture in memory while this one is used.
    yield _reduce(_decode_frame(content, structure, frame, side), side, frame.transparent)


def _finish(image: Image.Image, structure: Structure, side: int) -> Image.Image:
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    image = to_srgb(image, structure.colour)
    transpose = TRANSPOSES.get(structure.orientation)
    return image if transpose is None else image.transpose(transpose)


def _decode_frame(content: bytes, structure: Structure, frame: Frame, side: int) -> Image.Image:
    """Decode a single frame."""
    file = frame.file.build(content)
    if structure.format == "WEBP":
        return _decode_webp(file, frame)
    image = Image.open(BytesIO(file), formats=[structure.format])
    if image.size != (frame.width, frame.height):
        raise ValueError("the decoder found a different size than the parser")
    if structure.format == "JPEG":  # can be decoded at a half, a quarter or an eighth of its size
        divisor = costs.jpeg_divisor(frame, side)
        image.draft(None, (max(1, image.width // divisor), max(1, image.height // divisor)))
    image.load()
    return image


def _decode_webp(file: bytes, frame: Frame) -> Image.Image:
    """Decode a WebP without the two copies of each pixel that Pillow's own class creates."""
    decoder = _webp.WebPAnimDecoder(file)
    size, _loop, _background, _frame_count, mode = decoder.get_info()
    if size != (frame.width, frame.height):
        raise ValueError("the decoder found a different size than the parser")
    decoded = decoder.get_next()
    if decoded is None:
        raise ValueError("the decoder found no picture")
    return Image.frombuffer(mode, size, decoded[0], "raw", mode, 0, 1)


def _reduce(image: Image.Image, side: int, transparent: int | None) -> Image.Image:
    """Return the picture in L, RGB, RGBA or CMYK, with fewer than four times `side` pixels a side.

    Works strip by strip, to avoid a second copy of a large picture.
    """
    factor = costs.reduction(*image.size, side)
    rows = max(1, costs.STRIP_PIXELS // (image.width * factor)) * factor
    target: Image.Image | None = None
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = _to_eight_bits(strip, transparent).reduce(factor)
        if target is None:
            size = (strip.width, -(-image.height // factor))
            target = Image.new(strip.mode, size)
        target.paste(strip, (0, top // factor))
    if target is None:
        raise ValueError("there is no picture")
    return target


def _to_eight_bits(image: Image.Image, transparent: int | None) -> Image.Image:
    """Convert to a mode with eight bits per channel: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I;16"):
        return _grey_to_eight_bits(image, transparent)
    if image.mode == "1":
        image = image.convert("L")
    if transparent is not None:
        mask = _opaque_mask(image, transparent)
        image = image.convert("RGB")
        image.putalpha(mask)
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _opaque_mask(image: Image.Image, transparent: int) -> Image.Image:
    """Return a mask of the pixels of a palette or grey picture that are not transparent."""
    return image.point([0 if value == transparent else 255 for value in range(256)], "L")


def _grey_to_eight_bits(image: Image.Image, transparent: int | None) -> Image.Image:
    """Convert 16-bit grey to 8 bits, with an alpha channel if one value is transparent."""
    data = image.tobytes()
    low, high = (Image.frombytes("L", image.size, data[start::2]) for start in (0, 1))
    if transparent is None:
        return high
    masks = (
        channel.point([255 * (value == wanted) for value in range(256)])
        for channel, wanted in ((low, transparent & 255), (high, transparent >> 8))
    )
    opaque = ImageChops.invert(ImageChops.darker(*masks))
    image = high.convert("RGB")
    image.putalpha(opaque)
    return image


def _compose(content: bytes, structure: Structure, side: int) -> Iterator[Image.Image]:
    """Compose the frames as a browser does, and yield those that represent the file."""
    canvas = Image.new("RGBA", (structure.width, structure.height))
    last = -1
    for number, is_shown in structure.frames_to_decode():
        if number != last + 1:  # this frame covers the whole canvas
            canvas.paste((0, 0, 0, 0), (0, 0, *canvas.size))
        frame, last = structure.frames[number], number
        area = (frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)
        before = canvas.crop(area) if frame.disposal is Disposal.RESTORE else None
        _draw(canvas, _decode_frame(content, structure, frame, side), frame)
        if is_shown:
            yield _reduce(canvas, side, None)
        if before:
            canvas.paste(before, area[:2])
        elif frame.disposal is Disposal.CLEAR:
            canvas.paste((0, 0, 0, 0), area)


def _draw(canvas: Image.Image, image: Image.Image, frame: Frame) -> None:
    position = (frame.x, frame.y)
    if frame.blends and image.mode in ("P", "L") and frame.transparent is not None:
        # Each pixel is opaque or transparent, as in a GIF: much faster than blending.
        canvas.paste(image.convert("RGBA"), position, _opaque_mask(image, frame.transparent))
        return
    image = _to_eight_bits(image, frame.transparent)
    if frame.blends and image.mode == "RGBA":
        canvas.alpha_composite(image, position)
    else:
        canvas.paste(image, position)
