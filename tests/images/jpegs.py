"""JPEGs of the catalogue."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, partial

from PIL import Image

from moderation.images import limits
from tests.images.case import SHARES, Case, cut, saved, scene
from tests.images.profiles import BROKEN, PROFILES


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2) + data


@cache
def plain(**options: object) -> bytes:
    return saved(scene(), "JPEG", quality=90, **options)


def with_segments(*segments: bytes, content: bytes = b"") -> bytes:
    """Insert segments after the start marker."""
    content = content or plain()
    return content[:2] + b"".join(segments) + content[2:]


def exif(orientation: int, order: str = ">", *, field_type: int = 3, gps: bool = False) -> bytes:
    """Return an EXIF segment, with `gps` also with coordinates and a camera."""
    start = b"MM\0*" if order == ">" else b"II*\0"
    tags = [struct.pack(order + "HHIHH", 0x0112, field_type, 1, orientation, 0)]
    if gps:
        tags.append(struct.pack(order + "HHII", 0x8825, 4, 1, 26 + 12))
    body = struct.pack(order + "IH", 8, len(tags)) + b"".join(tags) + bytes(4)
    position = struct.pack(order + "HHHI", 1, 1, 2, 2) + b"N\0\0\0" + bytes(4) + b"GPS-PLACE"
    return segment(0xE1, b"Exif\0\0" + start + body + (position if gps else b""))


def icc(profile: bytes, *, parts: int = 1, declared: int = 0, leave_out: int = 0) -> bytes:
    size = -(-len(profile) // parts) or 1
    found = [profile[at : at + size] for at in range(0, len(profile), size)] or [b""]
    return b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, declared or len(found))) + part)
        for number, part in enumerate(found, start=1)
        if number != leave_out
    )


def scans(number: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """Repeat the last scan of a progressive JPEG."""
    content = saved(scene(size), "JPEG", progressive=True, quality=50)
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * number + b"\xff\xd9"


def changed(marker: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes after a marker."""
    content = bytearray(plain())
    start = content.index(marker) + offset
    content[start : start + len(value)] = value
    return bytes(content)


def large(width: int, height: int, **options: object) -> bytes:
    return saved(scene((width, height)), "JPEG", quality=60, **options)


def noisy(width: int, height: int, quality: int, **options: object) -> bytes:
    tile = Image.effect_noise((1024, 1024), 60).convert("RGB")
    image = Image.new("RGB", (width, height))
    for x in range(0, width, 1024):
        for y in range(0, height, 1024):
            image.paste(tile, (x, y))
    return saved(image, "JPEG", quality=quality, **options)


def telephone() -> bytes:
    """Return a file like those of phones: EXIF with a thumbnail, XMP, a second picture, a video."""
    small = saved(scene((32, 24)), "JPEG")
    exif_data = exif(1, gps=True)[4:] + small
    head = [segment(0xE1, exif_data), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>" * 99)]
    head.append(segment(0xE2, b"MPF\0MM\0*" + bytes(80)))
    film = struct.pack(">I4s", 24, b"ftyp") + b"mp42" + bytes(200_000) + b"GPS-PLACE"
    return with_segments(*head) + plain(progressive=True) + film


def accepted() -> Iterator[Case]:
    for mode in ("L", "RGB", "CMYK"):
        for quality in (20, 75, 100):
            for progressive in (False, True):
                options = {"quality": quality, "progressive": progressive}
                name = f"{mode}-{quality}{'-progressive' * progressive}"
                yield Case(name, partial(saved, scene(mode=mode), "JPEG", **options))
    for sampling in (0, 1, 2):
        yield Case(f"sampling-{sampling}", partial(plain, subsampling=sampling))
    for orientation in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 300):
        for order in "<>":
            turned = partial(with_segments, exif(orientation, order))
            yield Case(f"orientation-{orientation}-{'MI'[order == '<']}", turned)
    for name, profile in PROFILES.items():
        yield Case(f"icc-{name}", partial(with_segments, icc(profile)))
        yield Case(f"icc-{name}-in-parts", partial(with_segments, icc(profile, parts=3)))
    for name, profile in BROKEN.items():
        yield Case(f"icc-{name}", partial(with_segments, icc(profile)))
    missing = icc(PROFILES["swapped"], parts=3, leave_out=2)
    yield Case("icc-part-missing", partial(with_segments, missing))
    grey = saved(scene(mode="L"), "JPEG")
    yield Case("icc-on-grey", partial(with_segments, icc(PROFILES["dark"]), content=grey))
    for size in ((1, 1), (1, 900), (900, 1), (24, 3), (17, 33), (2000, 1500)):
        yield Case(f"size-{size[0]}x{size[1]}", partial(large, *size))
    yield from _with_more()
    yield from _large()


def _with_more() -> Iterator[Case]:
    """Yield files that contain more than the picture."""
    xmp = [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))] * 100
    swapped = with_segments(icc(PROFILES["swapped"]), exif(6, gps=True))
    yield Case("telephone", telephone)
    yield Case("gps", partial(with_segments, exif(6, gps=True)))
    yield Case("profile-and-gps", lambda: swapped)
    yield Case("extended-xmp", partial(with_segments, *xmp))
    yield Case("iptc", partial(with_segments, segment(0xED, b"Photoshop 3.0\x008BIM" + bytes(99))))
    yield Case("comments", partial(with_segments, *[segment(0xFE, b"me")] * 500))
    yield Case("jfxx", partial(with_segments, segment(0xE0, b"JFXX\0\x13" + bytes(300))))
    yield Case("after-the-end", lambda: plain() + b"x" * 1000)
    yield Case("megabytes-after-the-end", lambda: plain() + bytes(10_000_000))
    yield Case("fill-bytes", partial(with_segments, b"\xff" * 1000))
    yield Case("garbage-between", partial(with_segments, segment(0xFE, b"") + b"\0\0\0garbage"))
    yield Case(
        "exif-broken", partial(with_segments, segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"))
    )
    yield Case(
        "exif-endless", partial(with_segments, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff"))
    )
    yield Case("exif-type", partial(with_segments, exif(6, field_type=4)))
    yield Case("restarts", partial(plain, restart_marker_blocks=1))
    yield Case("keep-rgb", partial(plain, keep_rgb=True))


def _large() -> Iterator[Case]:
    """Yield photographs of the largest allowed size."""
    yield Case("12-megapixels", partial(large, 4032, 3024))
    yield Case("50-megapixels", partial(large, 8192, 6144), looks=False)
    progressive = partial(large, 8192, 6144, progressive=True)
    yield Case("50-megapixels-progressive", progressive, looks=False)
    yield Case("79-megapixels", partial(large, 10_320, 7_740), looks=False)
    yield Case("50-megapixels-of-noise", partial(noisy, 8192, 6144, 50), looks=False)
    # Just too small to be decoded at a half, and at a quarter, for the large view.
    for side in (3199, 6398):
        yield Case(f"{side}-square", partial(large, side, side), looks=False)
    heavy = partial(noisy, 6398, 6398, 45, progressive=True)
    yield Case("6398-square-progressive-of-15-mb", heavy, looks=False)
    yield Case("panorama", partial(large, 32_000, 1_500), looks=False)
    yield Case("90-scans", partial(scans, 80))


def refused() -> Iterator[Case]:
    for share in SHARES:
        code = "format" if share * len(plain()) < 3 else "broken"
        yield Case(f"cut-{share}", partial(cut, plain(), share), code)
    yield Case("cut-telephone", lambda: telephone()[:900], "broken")
    yield Case("bytes-ff", lambda: b"\xff\xd8" + b"\xff" * 19_000_000, "broken")
    yield Case("garbage", lambda: b"\xff\xd8\xff" + b"\xfe\0" * 9_000_000, "broken")
    yield Case("millions-of-comments", lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 4_900_000, "parts")
    yield Case("restarts-alone", lambda: b"\xff\xd8" + b"\xff\xd0" * 9_000_000, "parts")
    yield Case("1000-scans", partial(scans, 1000, (4000, 3000)), "parts")
    yield Case("1000-small-scans", partial(scans, 1000, (16, 16)), "parts")
    yield Case("40-large-scans", partial(scans, 40, (8000, 6000)), "parts")
    full = partial(large, 8192, 6144, progressive=True, subsampling=0)
    yield Case("50-megapixels-progressive-of-300-mb", full, "pixels")
    metadata = b"".join([segment(0xE1, bytes(65_000))] * 260)
    yield Case("metadata", partial(with_segments, metadata), "metadata")
    big = icc(b"p" * 4_500_000, parts=80)
    yield Case("profile-of-4-mb", partial(with_segments, big), "metadata")
    yield Case("2-frames", lambda: plain()[:-2] + plain()[2:], "broken")
    yield Case("start-again", partial(with_segments, b"\xff\xd8\0\2"), "broken")
    yield Case("height-0", partial(changed, b"\xff\xc0", 5, b"\0\0"), "broken")
    yield Case("width-0", partial(changed, b"\xff\xc0", 7, b"\0\0"), "broken")
    yield Case("2-components", partial(changed, b"\xff\xc0", 9, b"\2"), "broken")
    yield Case("sampled-0", partial(changed, b"\xff\xc0", 11, b"\0"), "broken")
    yield Case("sampled-15", partial(changed, b"\xff\xc0", 11, b"\xff"), "broken")
    yield Case("12-bits", partial(changed, b"\xff\xc0", 4, b"\x0c"), "format")
    yield Case("lossless", partial(changed, b"\xff\xc0", 1, b"\xc3"), "format")
    yield Case("arithmetic", partial(changed, b"\xff\xc0", 1, b"\xc9"), "format")
    yield Case("65535-square", partial(changed, b"\xff\xc0", 5, b"\xff" * 4), "pixels")
    yield Case("65535-wide", partial(changed, b"\xff\xc0", 5, b"\0\1\xff\xff"), "side")
    yield Case("segment-of-0", partial(with_segments, b"\xff\xe5\0\0"), "broken")
    yield Case("segment-beyond-the-end", partial(with_segments, b"\xff\xe5\xff\xff"), "broken")
    yield Case("scan-of-nothing", partial(changed, b"\xff\xda", 4, b"\0"), "broken")
    yield Case("scan-of-strangers", partial(changed, b"\xff\xda", 5, b"\x77"), "broken")
    yield Case("start-and-end", lambda: b"\xff\xd8\xff\xd9", "broken")
    yield Case("over-20-mb", lambda: plain() + bytes(limits.MAX_BYTES), "bytes")
