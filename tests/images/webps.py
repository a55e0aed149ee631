"""WebPs of the catalogue."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from PIL import Image

from tests.images.case import SHARES, SIZE, Case, cut, saved, scene
from tests.images.jpegs import exif
from tests.images.profiles import BROKEN, PROFILES

HALF = (SIZE[0] // 2, SIZE[1] // 2)
EXIF, XMP, ALPHA, ICC, ANIMATION = 0x08, 0x04, 0x10, 0x20, 0x02


@dataclass(frozen=True, slots=True)
class Part:
    """A frame of a WebP in the catalogue; its position is in even pixels."""

    shift: int = 0
    size: tuple[int, int] = SIZE
    corner: tuple[int, int] = (0, 0)
    milliseconds: int = 200
    clear: bool = False
    blend: bool = True
    lossless: bool = True
    alpha: int = 255


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)


def riff(body: bytes, *, declared: int | None = None) -> bytes:
    size = 4 + len(body) if declared is None else declared
    return struct.pack("<4sI4s", b"RIFF", size, b"WEBP") + body


@cache
def coded(
    size: tuple[int, int] = SIZE, shift: int = 0, alpha: int = 255, *, lossless: bool
) -> bytes:
    """Return the chunks of a picture from Pillow's encoder."""
    image = scene(size, shift=shift)
    if alpha < 255:
        image.putalpha(alpha)
    content = saved(image, "WEBP", lossless=lossless, quality=90)
    body = content[12:]
    if body.startswith(b"VP8X"):
        body = body[18:]
    return body


def extended(flags: int, size: tuple[int, int] = SIZE) -> bytes:
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    return chunk(b"VP8X", bytes((flags, 0, 0, 0)) + sides)


def webp(flags: int = 0, before: bytes = b"", after: bytes = b"", **options: bool) -> bytes:
    """Return a still picture in the extended format."""
    picture = coded(**(options or {"lossless": True}))
    return riff(extended(flags) + before + picture + after)


def animated(*parts: Part, size: tuple[int, int] = SIZE, before: bytes = b"") -> bytes:
    body = extended(ANIMATION | ALPHA | (ICC if before else 0), size) + before
    body += chunk(b"ANIM", bytes(6))
    return riff(body + b"".join(_frame(part) for part in parts))


def _frame(part: Part) -> bytes:
    numbers = (part.corner[0] // 2, part.corner[1] // 2, part.size[0] - 1, part.size[1] - 1)
    header = b"".join(n.to_bytes(3, "little") for n in (*numbers, part.milliseconds))
    header += bytes(((0 if part.blend else 2) | part.clear,))
    return chunk(b"ANMF", header + coded(part.size, part.shift, part.alpha, lossless=part.lossless))


FLASH = (Part(0, milliseconds=10), Part(2, milliseconds=3000), Part(1))


def accepted() -> Iterator[Case]:
    for lossless in (False, True):
        for alpha in (255, 128, 0):
            body = coded(alpha=alpha, lossless=lossless)
            flags = ALPHA if alpha < 255 else 0
            yield Case(f"simple-{lossless}-{alpha}", partial(riff, extended(flags) + body))
        for size in ((1, 1), (1, 500), (500, 1), (33, 17), (1600, 1200)):
            simple = partial(saved, scene(size), "WEBP", lossless=lossless)
            yield Case(f"size-{size[0]}x{size[1]}-{lossless}", simple)
    for orientation in range(10):
        turned = chunk(b"EXIF", exif(orientation)[10:])
        yield Case(f"orientation-{orientation}", partial(webp, EXIF, after=turned))
    prefixed = chunk(b"EXIF", exif(6)[4:])
    yield Case("orientation-with-prefix", partial(webp, EXIF, after=prefixed))
    for name, profile in (PROFILES | BROKEN).items():
        coloured = chunk(b"ICCP", profile)
        yield Case(f"icc-{name}", partial(webp, ICC, coloured, lossless=False))
    yield from _with_more()
    yield from _animated()
    yield Case("12-megapixels", lambda: saved(scene((4032, 3024)), "WEBP"))
    yield Case("13-megapixels", lambda: saved(scene((4160, 3120)), "WEBP"), looks=False)
    large = partial(saved, scene((4160, 3120)), "WEBP", lossless=True)
    yield Case("13-megapixels-lossless", large, looks=False)
    yield Case("15-megapixels", lambda: saved(scene((4500, 3400)), "WEBP"), "pixels")
    yield Case("noise", partial(noise, (3000, 2000)), looks=False)


def _with_more() -> Iterator[Case]:
    """Yield files that contain more than the picture."""
    gps_chunk = chunk(b"EXIF", exif(1, gps=True)[10:])
    yield Case("gps", partial(webp, EXIF, after=gps_chunk))
    yield Case("exif-broken", partial(webp, EXIF, after=chunk(b"EXIF", b"nothing")))
    yield Case("xmp", partial(webp, XMP, after=chunk(b"XMP ", b"<x>GPS-PLACE</x>")))
    yield Case("xmp-of-9-mb", partial(webp, XMP, after=chunk(b"XMP ", b"x" * 9_000_000)))
    yield Case("unknown-chunk", partial(webp, 0, after=chunk(b"HIDE", b"GPS-PLACE")))
    yield Case("after-the-end", lambda: webp() + b"some more")
    odd = extended(0) + coded(lossless=True) + chunk(b"HIDE", b"odd")
    yield Case("odd-without-padding", lambda: riff(odd[:-1]), looks=False)
    yield Case("odd-counted-without-padding", lambda: riff(odd, declared=3 + len(odd)), looks=False)
    yield Case(
        "odd-declared-but-missing", lambda: riff(odd[:-1], declared=4 + len(odd)), looks=False
    )


def _animated() -> Iterator[Case]:
    yield Case("animated-two", partial(animated, Part(), Part(1)))
    yield Case("animated-one", partial(animated, Part()))
    yield Case("animated-flash", partial(animated, *FLASH))
    for clear in (False, True):
        for blend in (False, True):
            for alpha in (255, 120):
                middle = Part(2, HALF, (20, 12), clear=clear, blend=blend, alpha=alpha)
                last = Part(3, (20, 10), blend=blend)
                name = f"animated-{clear}-{blend}-{alpha}"
                yield Case(name, partial(animated, Part(), middle, last))
    lossy = [Part(lossless=False), Part(1, HALF, (10, 10), alpha=99, lossless=False)]
    yield Case("animated-lossy", partial(animated, *lossy))
    yield Case("animated-small-first", partial(animated, Part(1, HALF, (8, 8)), Part(2)))
    swapped = chunk(b"ICCP", PROFILES["swapped"])
    yield Case("animated-icc", partial(animated, Part(), Part(1), before=swapped))
    yield Case(
        "animated-many",
        partial(animated, *[Part(n % 4, HALF, (n % 3 * 20, n % 2 * 30)) for n in range(30)]),
    )
    yield Case("animated-film", film, looks=False)


def film() -> bytes:
    frames = [scene((640, 360), shift=n) for n in range(120)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=50)


def noise(size: tuple[int, int]) -> bytes:
    return saved(Image.effect_noise(size, 60).convert("RGB"), "WEBP", quality=80)


def refused() -> Iterator[Case]:
    sound = saved(scene(), "WEBP")
    for share in SHARES:
        code = "format" if share * len(sound) < 12 else "broken"
        yield Case(f"cut-{share}", partial(cut, sound, share), code)
    yield Case("36-bytes", lambda: lossless_of(8192, 6144), "pixels")
    yield Case("16384-square", lambda: lossless_of(16_384, 16_384), "pixels")
    yield Case(
        "large-canvas", lambda: riff(extended(0, (2**24, 2**24)) + coded(lossless=True)), "broken"
    )
    other = extended(0, (SIZE[0], SIZE[1] + 1)) + coded(lossless=True)
    yield Case("canvas-of-another-size", lambda: riff(other), "broken")
    yield Case("chunks", lambda: riff(extended(0) + chunk(b"HIDE", b"") * 2_000_000), "parts")
    yield Case("size-lies", lambda: riff(coded(lossless=True), declared=2**31), "broken")
    long = chunk(b"VP8L", b"")[:4] + struct.pack("<I", 2**31) + coded(lossless=True)[8:]
    yield Case("chunk-lies", lambda: riff(long), "broken")
    yield Case("no-picture", lambda: riff(extended(0)), "broken")
    yield Case("nothing", lambda: riff(b""), "broken")
    garbled = coded(lossless=True)
    yield Case("garbled", lambda: riff(garbled[:13] + b"\xff" * (len(garbled) - 13)), "broken")
    yield Case("not-lossless", lambda: riff(chunk(b"VP8L", b"\0" * 40)), "broken")
    yield Case("not-lossy", lambda: riff(chunk(b"VP8 ", b"\0" * 40)), "broken")
    yield Case("profile-of-5-mb", partial(webp, ICC, chunk(b"ICCP", bytes(5_000_000))), "metadata")
    yield Case("metadata", partial(webp, XMP, after=chunk(b"XMP ", bytes(17_000_000))), "metadata")
    outside = Part(1, SIZE, (2, 0))
    yield Case("animated-leaves-the-canvas", partial(animated, Part(), outside), "broken")
    yield Case("animated-2001-frames", partial(animated, *[Part(0, (2, 2))] * 2001), "frames")
    yield Case("animated-nothing", partial(animated), "broken")
    yield Case("animated-cut", lambda: animated(Part(), Part(1))[:-30], "broken")
    big = [Part(n % 4, (2000, 1500), blend=True, alpha=99) for n in range(40)]
    yield Case("animated-too-long", partial(animated, *big, size=(2000, 1500)), "frames")


def lossless_of(width: int, height: int) -> bytes:
    """Return a header for a picture of one colour, with hardly any data."""
    bits = (width - 1) | (height - 1) << 14
    return riff(chunk(b"VP8L", b"\x2f" + bits.to_bytes(4, "little") + bytes(11)))
