"""PNGs of the catalogue."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import partial

from PIL import Image

from moderation.images.png import CHANNELS, DEPTHS, SIGNATURE, chunk
from tests.images.case import SHARES, SIZE, Case, cut, saved, scene
from tests.images.jpegs import exif
from tests.images.profiles import BROKEN, PROFILES

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey-alpha", RGBA: "rgba"}
MODES = {GREY: "L", RGB: "RGB", PALETTE: "L", GREY_ALPHA: "LA", RGBA: "RGBA"}
END = chunk(b"IEND", b"")
Size = tuple[int, int]


def header(size: Size, colour_type: int, depth: int, *, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, interlaced))


def rows(colour_type: int, depth: int, size: Size = SIZE, *, shift: int = 0) -> bytes:
    """Return the scene as unfiltered rows; a palette has as many colours as its depth allows."""
    image = scene(size, shift=shift).convert(MODES[colour_type])
    if colour_type == PALETTE:
        image = image.point([v * ((1 << depth) - 1) // 255 for v in range(256)])
    values = image.tobytes()
    wide = size[0] * CHANNELS[colour_type]
    packed = b""
    for top in range(0, len(values), wide):
        row = values[top : top + wide]
        if depth == 16:
            row = bytes(byte for value in row for byte in (value, 77))
        elif depth < 8:
            most = (1 << depth) - 1
            small = [v if colour_type == PALETTE else v * most // 255 for v in row]
            row = _bits(small, depth)
        packed += b"\0" + row
    return packed


def _bits(values: Sequence[int], depth: int) -> bytes:
    text = "".join(f"{value:0{depth}b}" for value in values)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


def palette(depth: int) -> bytes:
    most = (1 << depth) - 1
    colours = [(255 * n // most, 255 - 255 * n // most, 90) for n in range(most + 1)]
    return chunk(b"PLTE", bytes(value for colour in colours for value in colour))


def png(
    colour_type: int = RGB, depth: int = 8, *before: bytes, after: bytes = b"", size: Size = SIZE
) -> bytes:
    """Return a PNG with chunks before and after its data."""
    colours = palette(depth) if colour_type == PALETTE else b""
    first = [each for each in before if each[4:8] not in (b"tRNS", b"bKGD")]
    later = [each for each in before if each not in first]
    data = chunk(b"IDAT", zlib.compress(rows(colour_type, depth, size)))
    head = SIGNATURE + header(size, colour_type, depth)
    return head + b"".join(first) + colours + b"".join(later) + data + after + END


def wrong(one: bytes) -> bytes:
    """Corrupt the checksum of a chunk."""
    return one[:-1] + bytes((one[-1] ^ 1,))


def interlaced(mode: str) -> bytes:
    """Return an interlaced picture of a single colour."""
    size, colour = (24, 16), (10, 160, 220)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    pixel = bytes(colour) if mode == "RGB" else b"\x90"
    data = b""
    for left, top, right, down in [*passes, (0, 1, 1, 2)]:
        wide, high = -(-(size[0] - left) // right), -(-(size[1] - top) // down)
        data += (b"\0" + pixel * wide) * high
    head = header(size, RGB if mode == "RGB" else GREY, 8, interlaced=1)
    return SIGNATURE + head + chunk(b"IDAT", zlib.compress(data)) + END


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(*values: int) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *values))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


SWAPPED = chrm(31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)
NONSENSE = chrm(0, 0, 0, 0, 0, 0, 0, 0)
BOMB = zlib.compress(bytes(200_000_000), 9)


def accepted() -> Iterator[Case]:
    for colour_type, depths in DEPTHS.items():
        for depth in depths:
            yield Case(f"{NAMES[colour_type]}-{depth}", partial(png, colour_type, depth))
    for depth in DEPTHS[GREY]:
        see = chunk(b"tRNS", rows(GREY, depth)[1:3] if depth == 16 else b"\0\0")
        yield Case(f"transparent-grey-{depth}", partial(png, GREY, depth, see))
        alpha = chunk(b"tRNS", bytes((0, 128)))
        if depth <= 8:
            yield Case(f"transparent-palette-{depth}", partial(png, PALETTE, depth, alpha))
    for depth in (8, 16):
        red = struct.pack(">3H", *(v if depth == 8 else v * 256 + 77 for v in (0xE0, 0x20, 0x20)))
        yield Case(f"transparent-rgb-{depth}", partial(png, RGB, depth, chunk(b"tRNS", red)))
    for mode in ("RGB", "L"):
        yield Case(f"interlaced-{mode}", partial(interlaced, mode))
    for orientation in range(10):
        turned = chunk(b"eXIf", exif(orientation)[10:])
        yield Case(f"orientation-{orientation}", partial(png, RGB, 8, turned))
    yield from _coloured()
    yield from _with_more()
    yield Case("36-megapixels", lambda: saved(scene((7200, 5000)), "PNG"), looks=False)
    yield Case(
        "50-megapixels-grey", lambda: saved(scene((8000, 6250), mode="L"), "PNG"), looks=False
    )
    yield Case("5700-square-of-15-mb", partial(partly_noise, (5700, 5700), 880), looks=False)
    yield Case("screenshot", lambda: saved(scene((1440, 3120)), "PNG"))


def _coloured() -> Iterator[Case]:
    for value in (0.02, 0.2, 0.45455, 1.0, 2.2):
        for colour_type in (GREY, RGB, PALETTE):
            yield Case(
                f"gamma-{value}-{NAMES[colour_type]}", partial(png, colour_type, 8, gama(value))
            )
    yield Case("gamma-0", partial(png, RGB, 8, gama(0)))
    yield Case("gamma-of-16-bits-of-grey", partial(png, GREY, 16, gama(0.2)))
    yield Case("gamma-and-srgb", partial(png, RGB, 8, gama(0.02), chunk(b"sRGB", b"\0")))
    yield Case("primaries-swapped", partial(png, RGB, 8, gama(0.45455), SWAPPED))
    yield Case("primaries-of-nonsense", partial(png, RGB, 8, gama(0.45455), NONSENSE))
    for name, profile in PROFILES.items():
        yield Case(f"icc-{name}", partial(png, RGB, 8, iccp(profile)))
        yield Case(f"icc-{name}-alpha", partial(png, RGBA, 8, iccp(profile)))
    yield Case("icc-swapped-palette", partial(png, PALETTE, 8, iccp(PROFILES["swapped"])))
    for name, profile in BROKEN.items():
        yield Case(f"icc-{name}", partial(png, RGB, 8, iccp(profile)))
    yield Case("icc-not-packed", partial(png, RGB, 8, chunk(b"iCCP", b"p\0\0nothing")))
    yield Case("coded-p3", partial(png, RGB, 8, chunk(b"cICP", bytes((12, 13, 0, 1)))))
    yield Case("coded-srgb", partial(png, RGB, 8, chunk(b"cICP", bytes((1, 13, 0, 1)))))


def _with_more() -> Iterator[Case]:
    """Yield files that contain more than the picture."""
    text = chunk(b"tEXt", b"Comment\0GPS-PLACE")
    many = [chunk(b"tEXt", b"Comment\0hello")] * 900
    parts = zlib.compress(rows(RGB, 8))
    ones = b"".join(chunk(b"IDAT", parts[n : n + 1]) for n in range(len(parts)))
    head = SIGNATURE + header(SIZE, RGB, 8)
    yield Case("exif-broken", partial(png, RGB, 8, chunk(b"eXIf", b"nothing that is EXIF")))
    yield Case("exif-empty", partial(png, RGB, 8, chunk(b"eXIf", b"")))
    yield Case("exif-large", partial(png, RGB, 8, chunk(b"eXIf", bytes(5_000_000))))
    yield Case("text", partial(png, RGB, 8, text, after=text))
    yield Case("text-900", partial(png, RGB, 8, *many))
    yield Case("text-bomb", partial(png, RGB, 8, chunk(b"zTXt", b"Comment\0\0" + BOMB)))
    yield Case("text-bomb-itxt", partial(png, RGB, 8, chunk(b"iTXt", b"XML\0\1\0\0\0" + BOMB)))
    yield Case("text-after-the-end", lambda: png() + text)
    yield Case("bytes-after-the-end", lambda: png() + b"\0" * 3000)
    yield Case("time", partial(png, RGB, 8, chunk(b"tIME", bytes(7))))
    yield Case("physical", partial(png, RGB, 8, chunk(b"pHYs", bytes(9))))
    yield Case("ground", partial(png, RGB, 8, chunk(b"bKGD", bytes(6))))
    for name, data in ((b"gAMA", gama(0.02)), (b"tEXt", text), (b"iCCP", iccp(b"x"))):
        spoilt = partial(png, RGB, 8, wrong(data))
        yield Case(f"wrong-sum-{name.decode()}", spoilt, looks=name != b"gAMA")
    yield Case("data-byte-by-byte", lambda: head + ones + END)
    yield Case("empty-data", lambda: head + chunk(b"IDAT", b"") * 99 + ones + END)


def refused() -> Iterator[Case]:
    sound = png()
    for share in SHARES:
        code = "format" if share * len(sound) < 8 else "broken"
        yield Case(f"cut-{share}", partial(cut, sound, share), code)
    head, data = SIGNATURE + header(SIZE, RGB, 8), chunk(b"IDAT", zlib.compress(rows(RGB, 8)))
    tall = SIGNATURE + header((1, 50_000_000), GREY, 8) + data + END
    yield Case("1-by-50-million", lambda: tall, "side")
    yield Case("million-empty-chunks", lambda: head + chunk(b"teSt", b"") * 1_000_000, "parts")
    yield Case("million-empty-data", lambda: head + chunk(b"IDAT", b"") * 1_000_000, "parts")
    yield Case(
        "length-lies", lambda: head + struct.pack(">I", 2**31 - 1) + data[4:] + END, "broken"
    )
    yield Case("length-too-short", lambda: head + struct.pack(">I", 5) + data[4:] + END, "broken")
    yield Case("wrong-sum-header", lambda: SIGNATURE + wrong(head[8:]) + data + END, "broken")
    yield Case("wrong-sum-data", lambda: head + wrong(data) + END, "broken")
    yield Case("unknown-critical", lambda: head + chunk(b"ABCD", b"") + data + END, "broken")
    yield Case("no-data", lambda: head + END, "broken")
    yield Case(
        "little-data", lambda: head + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + END, "broken"
    )
    garbage = chunk(b"IDAT", b"x\x9cgarbage" * 9)
    yield Case("garbled-data", lambda: head + garbage + END, "broken")
    filtered = chunk(b"IDAT", zlib.compress(b"\x77" + rows(RGB, 8)[1:]))
    yield Case("unknown-filter", lambda: head + filtered + END, "broken")
    no_colours = SIGNATURE + header(SIZE, PALETTE, 8) + data + END
    yield Case("no-palette", lambda: no_colours, "broken")
    yield Case("2-headers", lambda: head + head[8:] + data + END, "broken")
    yield Case("data-first", lambda: SIGNATURE + data + head[8:] + END, "broken")
    for size in ((0, 9), (9, 0)):
        empty = SIGNATURE + header(size, RGB, 8) + data + END
        yield Case(f"size-{size[0]}x{size[1]}", partial(bytes, empty), "broken")
    for colour_type, depth in ((RGB, 4), (PALETTE, 16), (1, 8), (5, 8), (GREY, 3)):
        odd = SIGNATURE + header(SIZE, colour_type, depth) + data + END
        yield Case(f"colour-type-{colour_type}-of-{depth}", partial(bytes, odd), "broken")
    yield Case("profile-bomb", partial(png, RGB, 8, chunk(b"iCCP", b"p\0\0" + BOMB)), "metadata")
    yield Case("metadata", partial(png, RGB, 8, chunk(b"eXIf", bytes(17_000_000))), "metadata")
    yield Case("6398-square", partial(partly_noise, (6398, 6398), 10), "pixels")
    yield Case("hdr", partial(png, RGB, 8, chunk(b"cICP", bytes((9, 16, 0, 1)))), "colour")
    for size, colour_type in (((9000, 5500), RGBA), ((7100, 7100), GREY), ((7000, 7000), RGB)):
        wide = SIGNATURE + header(size, colour_type, 8) + data + END
        yield Case(f"{size[0]}-square-{NAMES[colour_type]}", partial(bytes, wide), "pixels")


def partly_noise(size: Size, rows: int) -> bytes:
    """Return the scene with rows of random colours, which cannot be compressed."""
    image = scene(size)
    values = random.Random(7).randbytes(size[0] * rows * 3)  # noqa: S311 - any colours will do
    image.paste(Image.frombytes("RGB", (size[0], rows), values))
    return saved(image, "PNG", compress_level=1)


def noise(size: Size) -> bytes:
    return saved(Image.effect_noise(size, 60).convert("RGB"), "PNG", compress_level=1)
