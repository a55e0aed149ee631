"""Read the colours of a PNG from its chunks, with the precedence that browsers use."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from moderation.images import colour, limits
from moderation.images.colour import Colour, Primaries
from moderation.images.errors import InvalidImage

# The numbers in cICP, from recommendation H.273.
PRIMARIES = {1: colour.SRGB, 2: colour.SRGB, 9: colour.REC_2020, 12: colour.DISPLAY_P3}
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
HDR = {16, 18}  # PQ and HLG, whose brightness depends on the screen
UNIT = 100_000  # the divisor for values of gAMA and cHRM


def colour_of(chunks: Mapping[bytes, bytes]) -> Colour:
    """Return the colours that cICP, iCCP, sRGB, or gAMA and cHRM declare, in this precedence.

    Raises InvalidImage for HDR, and for a profile above the limit.
    """
    if len(chunks.get(b"cICP", b"")) == 4:  # noqa: PLR2004 - bytes
        return _from_cicp(*chunks[b"cICP"])
    if b"iCCP" in chunks and (profile := _profile(chunks[b"iCCP"])):
        return Colour(profile)
    if b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:  # noqa: PLR2004 - bytes
        return Colour()
    value = int.from_bytes(chunks[b"gAMA"])
    return Colour(gamma=UNIT / value, primaries=_primaries(chunks)) if value else Colour()


def _from_cicp(primaries: int, transfer: int, _matrix: int, _full_range: int) -> Colour:
    if transfer in HDR:
        raise InvalidImage("colour")
    gamma = GAMMAS.get(transfer, colour.SRGB_GAMMA)
    found = PRIMARIES.get(primaries, colour.SRGB)
    is_plain = found is colour.SRGB and transfer not in GAMMAS
    return Colour() if is_plain else Colour(gamma=gamma, primaries=found)


def _profile(data: bytes) -> bytes:
    """Return the unpacked profile; empty if it is broken. Raises InvalidImage above the limit."""
    _name, _, packed = data.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], limits.MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return b""
    if len(profile) > limits.MAX_PROFILE_BYTES:
        raise InvalidImage("metadata")
    return profile if unpacking.eof else b""


def _primaries(chunks: Mapping[bytes, bytes]) -> Primaries | None:
    try:
        numbers = struct.unpack(">8I", chunks.get(b"cHRM", b""))
    except struct.error:
        return None
    white_x, white_y, *rest = (number / UNIT for number in numbers)
    red_x, red_y, green_x, green_y, blue_x, blue_y = rest
    return (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
