"""GIFs of the catalogue."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from PIL import Image

from tests.images.case import SHARES, SIZE, Case, cut, saved, scene

COLOURS = 4
HALF = (SIZE[0] // 2, SIZE[1] // 2)
LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\1\0\0\0"


@dataclass(frozen=True, slots=True)
class Part:
    """A frame of a GIF in the catalogue. `transparent` is one of the four colours."""

    shift: int = 0
    size: tuple[int, int] = SIZE
    corner: tuple[int, int] = (0, 0)
    hundredths: int = 20
    disposal: int = 0
    transparent: int | None = None
    own_palette: bool = False
    interlaced: bool = False


def _colours(shift: int = 0) -> bytes:
    image = scene((2, 2), shift=shift)
    pixels = [image.getpixel((x, y)) for y in (0, 1) for x in (0, 1)]
    return bytes(value for pixel in pixels for value in pixel)  # type: ignore[union-attr]


@cache
def _data(size: tuple[int, int], shift: int, *, interlaced: bool) -> bytes:
    """Return compressed colour indexes, taken from the last block that Pillow writes."""
    image = Image.new("P", size)
    image.putpalette(_colours())
    half = size[0] // 2, size[1] // 2
    for number, corner in enumerate([(0, 0), (half[0], 0), (0, half[1]), half]):
        right = size[0] if corner[0] else max(half[0], 1)
        image.paste((number + shift) % COLOURS, (*corner, right, size[1]))
    content = saved(image, "GIF", interlace=interlaced, optimize=False)
    start = content.rindex(b"\x2c\0\0\0\0" + struct.pack("<HH", *size))
    flags = content[start + 9]
    return content[start + 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0) : -1]


def part_bytes(part: Part) -> bytes:
    flags = part.disposal << 2 | (part.transparent is not None)
    control = b"\x21\xf9\4" + struct.pack("<BHB", flags, part.hundredths, part.transparent or 0)
    flags = (0x81 if part.own_palette else 0) | (0x40 if part.interlaced else 0)
    image = b"\x2c" + struct.pack("<HHHHB", *part.corner, *part.size, flags)
    image += _colours(1) if part.own_palette else b""
    return control + b"\0" + image + _data(part.size, part.shift, interlaced=part.interlaced)


def head(screen: tuple[int, int] = SIZE, version: bytes = b"GIF89a") -> bytes:
    return version + struct.pack("<HHBBB", *screen, 0x81, 0, 0) + _colours()


def gif(
    *parts: Part, screen: tuple[int, int] = SIZE, between: bytes = b"", after: bytes = b""
) -> bytes:
    frames = b"".join(between + part_bytes(part) for part in parts)
    return head(screen) + LOOP * (len(parts) > 1) + frames + b";" + after


def comment(text: bytes) -> bytes:
    return b"\x21\xfe" + b"".join(bytes((len(text),)) + text for text in [text]) + b"\0"


XMP = (
    b"\x21\xff\x0bXMP DataXMP" + b"<x>GPS-PLACE</x>" * 9 + b"\1" + bytes(range(255, -1, -1)) + b"\0"
)
FLASH = (Part(0, hundredths=1), Part(2, hundredths=300), Part(1))


def accepted() -> Iterator[Case]:
    for interlaced in (False, True):
        for own in (False, True):
            for see in (None, 0, 3):
                one = Part(transparent=see, own_palette=own, interlaced=interlaced)
                yield Case(f"one-{interlaced}-{own}-{see}", partial(gif, one))
    yield Case("version-87", lambda: b"GIF87a" + gif(Part())[6:])
    for disposal in range(8):
        for see in (None, 1):
            middle = Part(2, HALF, (20, 12), disposal=disposal, transparent=see)
            last = Part(3, (20, 10), (0, 0), transparent=see)
            name = f"disposal-{disposal}-{see}"
            yield Case(name, partial(gif, Part(), middle, last))
    for disposal in (2, 3):
        first = Part(disposal=disposal)
        yield Case(f"first-disposal-{disposal}", partial(gif, first, Part(1, HALF, (5, 5))))
    yield Case("flash", partial(gif, *FLASH))
    yield Case("small-frame", partial(gif, Part(0, HALF, (11, 7))))
    yield Case("frame-widens-the-screen", partial(gif, Part(), screen=HALF))
    yield Case("second-frame-is-cut-off", partial(gif, Part(), Part(1, SIZE, (30, 30))))
    yield Case("screen-of-0", partial(gif, Part(), screen=(0, 0)))
    for size in (2, 16, 256):
        yield Case(f"colours-{size}", partial(saved, scene((50, 40)).quantize(size), "GIF"))
    yield Case("grey", partial(saved, scene(mode="L"), "GIF"))
    yield Case("after-the-trailer", partial(gif, Part(), after=b"some more"))
    yield Case("zeros-after-the-trailer", partial(gif, Part(), after=bytes(999)))
    yield Case("megabytes-after-the-trailer", partial(gif, Part(), after=b";" * 9_000_000))
    yield Case("comments", partial(gif, Part(), Part(1), between=comment(b"GPS-PLACE") * 200))
    yield Case("xmp", partial(gif, Part(), between=XMP))
    yield Case("zeros-between", partial(gif, Part(), Part(1), between=bytes(9)), looks=False)
    text = b"\x21\x01\x0c" + bytes(12) + b"\2hi\0"
    yield Case("plain-text", partial(gif, Part(), between=text), looks=False)
    many = [Part(), *[Part(n % 4, HALF, (n % 3 * 20, n % 2 * 30)) for n in range(30)]]
    yield Case("many", partial(gif, *many))
    yield Case("2000-frames", partial(gif, *[Part(0, (1, 1))] * 1999, Part(1)), looks=False)
    film = [Part(n % 4, (640, 360)) for n in range(150)]
    yield Case("film", partial(gif, *film, screen=(640, 360)), looks=False)
    yield Case("49-megapixels", lambda: saved(scene((7000, 7000), mode="L"), "GIF"), looks=False)


def refused() -> Iterator[Case]:
    for share in SHARES:
        code = "format" if share * len(gif(Part())) < 6 else "broken"
        yield Case(f"cut-{share}", partial(cut, gif(Part(), after=b""), share), code)
    yield Case("no-trailer", lambda: gif(Part())[:-1], "broken")
    yield Case("huge-second-frame", huge_second_frame, "pixels")
    wide = struct.pack("<BHHHHB", 0x2C, 0, 0, 65_535, 2, 0) + b"\2\0;"
    yield Case("65535-wide", lambda: head() + wide, "side")
    tiny = struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    yield Case("million-frames", lambda: head((1, 1)) + tiny * 1_000_000 + b";", "frames")
    yield Case("million-comments", lambda: head() + comment(b"a") * 3_000_000 + b";", "parts")
    yield Case("million-empty-comments", lambda: head() + b"\x21\xfe\0" * 6_000_000, "parts")
    yield Case("zeros", lambda: head() + bytes(19_000_000), "parts")
    blocks = b"\x2c\0\0\0\0\1\0\1\0\0\2" + b"\1\0" * 9_000_000
    yield Case("million-blocks", lambda: head() + blocks + b"\0;", "parts")
    ones = b"\x2c\0\0\0\0\1\0\1\0\0\2" + b"\1\1" * 9_000_000
    yield Case("blocks-of-a-byte", lambda: head() + ones + b"\0;", "parts")
    yield Case("no-frame", lambda: head() + b";", "broken")
    yield Case(
        "frame-of-0",
        lambda: gif(Part()).replace(b"\x2c\0\0\0\0\x60\0", b"\x2c" + bytes(6)),
        "broken",
    )
    yield Case("no-data", lambda: head() + b"\x2c\0\0\0\0\x60\0\x40\0\0\2\0;", "broken")
    yield Case("unknown-block", lambda: head() + b"\x99" + gif(Part())[25:], "broken")
    for number, size in ((600, (900, 900)), (130, (1920, 1080))):
        one = part_bytes(Part(0, size, transparent=3))
        long = head(size) + one * number + b";"
        yield Case(f"too-long-{number}", partial(bytes, long), "frames")
    corners = [Part(0, (1, 1), hundredths=time) for time in (10, 90, 10)]
    yield Case(
        "three-looks-at-36-megapixels", partial(gif, *corners, screen=(6000, 6000)), "frames"
    )


def huge_second_frame() -> bytes:
    """Return a GIF with a screen of 10 x 10 and a second frame of 13,000 x 13,000."""
    first = saved(Image.new("L", (10, 10)), "GIF")
    second = struct.pack("<BHHHHB", 0x2C, 0, 0, 13_000, 13_000, 0) + b"\x08"
    return first[:-1] + second + (b"\xff" + bytes(255)) * 440 + b"\0;"
