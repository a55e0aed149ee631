"""The cost of showing a file, estimated from its structure before anything is decoded.

Memory is in bytes, work in microseconds. Both depend on the size at which it is shown, in pixels a
side: a JPEG is decoded at a fraction of its size, and every decoded picture is reduced and encoded.
"""

from __future__ import annotations

from moderation.images import limits
from moderation.images.structure import Frame, Structure

# Pixels a side of a thumbnail. At this size, every accepted file is shown within the limits.
SMALLEST_SIDE = 320
STRIP_PIXELS = 1_000_000  # pixels converted at a time
REDUCED_SIDE = 1_600  # a reduced picture with twice as many pixels a side takes 41 MB
JPEG_DIVISORS = (8, 4, 2, 1)  # its decoder can divide the sides by one of these
PIXEL_BYTES = 4  # of a reduced picture, and of the canvas of an animation
STRIP_BYTES = 12  # per pixel of a strip, of which up to three copies exist
# Pixels per microsecond for reducing a canvas, once for each displayed frame, for decoding a JPEG,
# and for encoding the small picture.
REDUCE_RATE, JPEG_RATE, ENCODE_RATE = 120, 100, 10


def affordable_side(structure: Structure, size: int, side: int) -> int:
    """Return `side`, or less if a file of `size` bytes would exceed the limits at that size."""
    while side > SMALLEST_SIDE and not _is_affordable(structure, size, side):
        side = max(SMALLEST_SIDE, side // 2)
    return side


def _is_affordable(structure: Structure, size: int, side: int) -> bool:
    memory, work = memory_of(structure, size, side), work_of(structure, side)
    return memory <= limits.MAX_MEMORY and work <= limits.MAX_WORK


def memory_of(structure: Structure, size: int, side: int) -> int:
    """Return the bytes that showing a file at `side` pixels takes, including its own `size` bytes.

    The decoder's copy of the file and its memory are freed before the picture is reduced.
    """
    frames = structure.frames
    decoding = max(frame.memory + _decoded_bytes(structure, frame, side) for frame in frames)
    picture = max(_decoded_bytes(structure, frame, side) for frame in frames)
    if structure.is_composed:
        canvas = structure.width * structure.height
        largest = max(frame.pixels for frame in frames)
        # The canvas, the frame, and the area that the frame before it covered.
        decoding += PIXEL_BYTES * (canvas + 2 * largest)
        picture = PIXEL_BYTES * (canvas + largest)
    return size + max(size + decoding, picture + _reducing_bytes(structure, side))


def work_of(structure: Structure, side: int) -> float:
    """Return the microseconds that showing a file at `side` pixels takes."""
    shown = structure.representative_frames()
    work = sum(structure.frames[number].work for number, _ in structure.frames_to_decode())
    if structure.is_composed:
        work += len(shown) * structure.width * structure.height / REDUCE_RATE
    if structure.format == "JPEG":
        width, height = decoded_size(structure, structure.frames[0], side)
        work += width * height / JPEG_RATE
    scale = min(1, side / max(structure.width, structure.height))
    return work + len(shown) * structure.width * structure.height * scale**2 / ENCODE_RATE


def decoded_size(structure: Structure, frame: Frame, side: int) -> tuple[int, int]:
    """Return the width and height at which a frame is decoded, to be shown at `side` pixels."""
    divisor = jpeg_divisor(frame, side) if structure.format == "JPEG" else 1
    return -(-frame.width // divisor), -(-frame.height // divisor)


def jpeg_divisor(frame: Frame, side: int) -> int:
    """Return by how much a JPEG's decoder divides the sides; the longer one keeps `side` pixels."""
    shortest, longest = sorted((frame.width, frame.height))
    fitting = (n for n in JPEG_DIVISORS if longest >= n * side and shortest >= n)
    return next(fitting, 1)


def reduction(width: int, height: int, side: int) -> int:
    """Return by how much the sides of a decoded picture are divided to show it at `side` pixels.

    A better filter does the rest, so a large picture keeps at least twice `side` pixels, or
    REDUCED_SIDE if that is less, and fewer than twice that number.
    """
    return max(1, max(width, height) // min(2 * side, REDUCED_SIDE))


def _decoded_bytes(structure: Structure, frame: Frame, side: int) -> int:
    width, height = decoded_size(structure, frame, side)
    return width * height * frame.pixel_bytes


def _reducing_bytes(structure: Structure, side: int) -> int:
    """Return the bytes for the strips and the reduced picture."""
    if structure.is_composed:
        width, height = structure.width, structure.height
    else:
        width, height = decoded_size(structure, structure.frames[0], side)
    factor = reduction(width, height, side)
    strips = STRIP_BYTES * min(width * height, STRIP_PIXELS)
    return strips + PIXEL_BYTES * -(-width // factor) * -(-height // factor)
