"""Animated PNGs of the catalogue."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from moderation.images.png import SIGNATURE, chunk
from tests.images.case import SIZE, Case
from tests.images.pngs import END, GREY, PALETTE, RGB, RGBA, gama, header, iccp, palette, rows
from tests.images.profiles import PROFILES

HALF = (SIZE[0] // 2, SIZE[1] // 2)


@dataclass(frozen=True, slots=True)
class Part:
    """A frame of an animated PNG in the catalogue."""

    shift: int = 0
    size: tuple[int, int] = SIZE
    corner: tuple[int, int] = (0, 0)
    milliseconds: int = 200
    disposal: int = 0
    blend: int = 0


def apng(
    *parts: Part,
    colour_type: int = RGB,
    depth: int = 8,
    default: int | None = None,
    declared: int | None = None,
    before: bytes = b"",
    skip: int = -1,
) -> bytes:
    """Return an animation; `default` is the shift of a default image that is not a frame.

    `declared` is a wrong number of frames, `skip` a sequence number to omit.
    """
    number = 0

    def numbered() -> bytes:
        nonlocal number
        number += 1 + (number == skip)
        return struct.pack(">I", number - 1)

    content = SIGNATURE + header(SIZE, colour_type, depth) + before
    content += palette(depth) if colour_type == PALETTE else b""
    content += chunk(b"acTL", struct.pack(">II", len(parts) if declared is None else declared, 0))
    if default is not None:
        content += chunk(b"IDAT", zlib.compress(rows(colour_type, depth, shift=default)))
    for position, part in enumerate(parts):
        control = struct.pack(">IIII", *part.size, *part.corner)
        control += struct.pack(">HHBB", part.milliseconds, 1000, part.disposal, part.blend)
        content += chunk(b"fcTL", numbered() + control)
        data = zlib.compress(
            rows(colour_type, depth, part.size, shift=part.shift) if all(part.size) else b""
        )
        is_first = position == 0 and default is None
        content += chunk(b"IDAT", data) if is_first else chunk(b"fdAT", numbered() + data)
    return content + END


FLASH = (Part(0, milliseconds=10), Part(2, milliseconds=3000), Part(1))


def accepted() -> Iterator[Case]:
    yield Case("two", partial(apng, Part(), Part(1)))
    yield Case("one", partial(apng, Part(1)))
    yield Case("flash", partial(apng, *FLASH))
    yield Case("default-is-no-frame", partial(apng, Part(1), Part(2), default=0))
    yield Case("default-is-no-frame-and-one", partial(apng, Part(1), default=0))
    for disposal in (0, 1, 2):
        for blend in (0, 1):
            middle = Part(2, HALF, (20, 12), disposal=disposal, blend=blend)
            last = Part(3, (20, 10), (0, 0), blend=blend)
            for colour_type in (RGB, RGBA, GREY):
                name = f"disposal-{disposal}-blend-{blend}-{colour_type}"
                yield Case(name, partial(apng, Part(), middle, last, colour_type=colour_type))
    first = partial(apng, Part(0, disposal=2), Part(1, HALF, (5, 5)), colour_type=RGBA)
    yield Case("first-restores", first)
    yield Case("small-first-frame", partial(apng, Part(1, HALF, (9, 9)), Part(2), default=0))
    see = chunk(b"tRNS", struct.pack(">3H", 0xE0, 0x20, 0x20))
    for blend in (0, 1):
        shining = partial(apng, Part(), Part(1, blend=blend), before=see)
        yield Case(f"transparent-colour-{blend}", shining)
    for name, before in (("icc", iccp(PROFILES["swapped"])), ("gamma", gama(0.2))):
        yield Case(name, partial(apng, Part(), Part(1), before=before))
    yield Case("palette", partial(apng, Part(), Part(1, HALF, (9, 9)), colour_type=PALETTE))
    yield Case("16-bits", partial(apng, Part(), Part(1), colour_type=RGBA, depth=16))
    yield Case("16-bits-of-grey", partial(apng, Part(), Part(1), colour_type=GREY, depth=16))
    yield Case(
        "many",
        partial(apng, Part(), *[Part(n % 4, HALF, (n % 3 * 20, n % 2 * 30)) for n in range(30)]),
    )
    yield Case(
        "2000-frames", partial(apng, Part(), *[Part(0, (1, 1))] * 1998, Part(1)), looks=False
    )


def refused() -> Iterator[Case]:
    yield Case("leaves-the-canvas", partial(apng, Part(), Part(1, SIZE, (1, 0))), "broken")
    yield Case("frame-of-0", partial(apng, Part(), Part(1, (0, 5))), "broken")
    yield Case("huge-frame", partial(apng, Part(), Part(1, (1, 1), (2**31, 0))), "broken")
    yield Case("more-promised", partial(apng, Part(), Part(1), declared=3), "broken")
    yield Case("fewer-promised", partial(apng, Part(), Part(1), Part(2), declared=2), "broken")
    yield Case("number-left-out", partial(apng, Part(), Part(1), skip=1), "broken")
    yield Case("disposal-9", partial(apng, Part(), Part(1, disposal=9)), "broken")
    yield Case("first-is-small", partial(apng, Part(0, HALF), Part(1)), "broken")
    yield Case("cut", lambda: apng(Part(), Part(1))[:-80], "broken")
    many = apng(Part(), *[Part(1, (1, 1))] * 2001)
    yield Case("2002-frames", lambda: many, "frames")
