"""Convert the colours of a picture to sRGB, as a browser shows them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

from moderation.images.profile import HEADER_BYTES, reduce_profile

# x and y of red, green, blue and white.
Primaries = tuple[float, float, float, float, float, float, float, float]
Matrix = list[list[float]]

SRGB: Primaries = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
DISPLAY_P3: Primaries = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
REC_2020: Primaries = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)
SRGB_GAMMA = 2.2  # differs from the exact curve by a tenth of the least visible difference
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
D50 = (0.9642, 1.0, 0.8249)  # the white point of ICC profiles
# The colour spaces in the header of a profile, with Pillow's modes.
SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}


@dataclass(frozen=True, slots=True)
class Colour:
    """The colours that a file declares: a profile, or gamma and primaries; by default sRGB.

    `gamma` is the exponent that converts values to linear light.
    """

    profile: bytes = b""
    gamma: float = 0.0
    primaries: Primaries | None = None


def to_srgb(image: Image.Image, colour: Colour) -> Image.Image:
    """Return a picture in L, RGB, RGBA or CMYK as RGB, or as RGBA if it has an alpha channel.

    Like browsers, ignore a profile that is invalid or for another colour space.
    """
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    profile = colour.profile or _profile_of(colour)
    if profile and (converted := _convert(image, profile)):
        image = converted
    image = image.convert("RGB")
    if alpha:
        image.putalpha(alpha)
    return image


def _convert(image: Image.Image, profile: bytes) -> Image.Image | None:
    mode = SPACES.get(profile[16:20], "")
    is_cmyk = image.mode == "CMYK"
    if not mode or (mode == "CMYK") != is_cmyk or (mode == "L" and image.mode != "L"):
        return None
    source = image if is_cmyk or image.mode == mode else image.convert(mode)
    source_profile = BytesIO(reduce_profile(profile))
    try:
        return ImageCms.profileToProfile(source, source_profile, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


@cache
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


def _profile_of(colour: Colour) -> bytes:
    """Return a profile with the colour's gamma and primaries; empty for sRGB or invalid values."""
    if not colour.gamma:
        return b""
    try:
        return write_profile(colour.gamma, colour.primaries or SRGB)
    except (ZeroDivisionError, struct.error):
        return b""


def write_profile(gamma: float, primaries: Primaries) -> bytes:
    """Return a profile with three primaries and one curve.

    Raises ZeroDivisionError or struct.error for invalid values.
    """
    columns = zip(*_to_d50(primaries), strict=True)
    curve = b"para" + bytes(8) + struct.pack(">i", round(gamma * 65_536))
    tags = [(b"wtpt", _xyz(D50))]
    tags += [(name, _xyz(c)) for name, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, data = struct.pack(">I", len(tags)), b""
    start = HEADER_BYTES + 4 + 12 * len(tags)
    for name, value in tags:
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value
    size = start + len(data)
    header = struct.pack(">I4xI4s4s4s", size, 0x04_000_000, b"mntr", b"RGB ", b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + _xyz(D50)[8:]
    return header.ljust(HEADER_BYTES, b"\0") + table + data


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65_536) for value in values))


def _to_d50(primaries: Primaries) -> Matrix:
    """Return the matrix from linear RGB to XYZ, adapted to D50 by Bradford's method."""
    corners = [_xyz_of(*primaries[start : start + 2]) for start in (0, 2, 4)]
    white = _xyz_of(*primaries[6:8])
    columns = [list(row) for row in zip(*corners, strict=True)]
    shares = _product(_inverse(columns), [[value] for value in white])
    matrix = [[row[n] * shares[n][0] for n in range(3)] for row in columns]
    cones = [list(row) for row in BRADFORD]
    source, target = (_product(cones, [[v] for v in point]) for point in (white, D50))
    scaled = [[target[n][0] / source[n][0] * value for value in cones[n]] for n in range(3)]
    return _product(_product(_inverse(cones), scaled), matrix)


def _xyz_of(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, c, strict=True)) for c in columns] for row in left]


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    first, second, third = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = a * first + b * second + c * third
    rows = [
        [first, c * h - b * i, b * f - c * e],
        [second, a * i - c * g, c * d - a * f],
        [third, b * g - a * h, a * e - b * d],
    ]
    return [[value / determinant for value in row] for row in rows]
