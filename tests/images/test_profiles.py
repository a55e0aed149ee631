"""Colour profiles whose parts no browser reads, or that would take a minute to be worked out."""

from __future__ import annotations

import struct

import pytest

from moderation.images.colour import SRGB, Colour, to_srgb, write_profile
from moderation.images.profile import HEADER_BYTES, TAG, reduce_profile
from tests.images.case import scene

SWAPPED = (0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0)  # red and blue, and nothing added
FLOAT_TABLE = b"D2B0"


def _matrix_step() -> bytes:
    return struct.pack(">4s4xHH12f", b"matf", 3, 3, *SWAPPED)


def _steps(number: int) -> bytes:
    """A value of any number of steps, all of them the same bytes."""
    step = _matrix_step()
    offset = struct.pack(">II", 16 + 8 * number, len(step))
    return struct.pack(">4s4xHHI", b"mpet", 3, 3, number) + offset * number + step


def _with_tag(profile: bytes, name: bytes, value: bytes) -> bytes:
    """Add a tag at the end of a profile's table; the values move behind it."""
    (count,) = struct.unpack_from(">I", profile, HEADER_BYTES)
    start = HEADER_BYTES + 4
    tags = [TAG.unpack_from(profile, start + 12 * n) for n in range(count)]
    moved = b"".join(TAG.pack(tag, offset + 12, size) for tag, offset, size in tags)
    moved += TAG.pack(name, len(profile) + 12, len(value))
    table = struct.pack(">I", count + 1) + moved
    whole = profile[:HEADER_BYTES] + table + profile[start + 12 * count :] + value
    return struct.pack(">I", len(whole)) + whole[4:]


@pytest.mark.parametrize("steps", [1, 400_000])
def test_steps_that_browsers_ignore_are_not_computed(steps: int) -> None:
    plain = write_profile(2.2, SRGB)
    profile = _with_tag(plain, FLOAT_TABLE, _steps(steps))
    assert FLOAT_TABLE not in reduce_profile(profile)
    seen = to_srgb(scene(), Colour(profile))
    assert seen.tobytes() == to_srgb(scene(), Colour(plain)).tobytes()


def test_a_profile_of_known_tags_is_unchanged() -> None:
    plain = write_profile(2.2, SRGB)
    assert reduce_profile(plain) == plain


@pytest.mark.parametrize("device_class", [b"link", b"abst", b"nmcl", b"\0\0\0\0"])
def test_a_profile_of_another_device_class_is_ignored(device_class: bytes) -> None:
    plain = write_profile(4.0, SRGB)
    profile = plain[:12] + device_class + plain[16:]
    assert to_srgb(scene(), Colour(profile)).tobytes() == scene().tobytes()


@pytest.mark.parametrize("count", [1 << 31, 200, 101])
def test_a_table_that_is_cut_off_or_too_long_is_ignored(count: int) -> None:
    plain = write_profile(4.0, SRGB)
    profile = plain[:HEADER_BYTES] + struct.pack(">I", count) + plain[HEADER_BYTES + 4 :]
    assert reduce_profile(profile) == b""
    assert to_srgb(scene(), Colour(profile)).tobytes() == scene().tobytes()
