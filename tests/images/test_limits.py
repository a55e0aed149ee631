"""The limits of pictures have the expected values, and each is enforced."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from moderation.images import InvalidImage, inspect, limits
from moderation.images.decode import _Slots
from moderation.images.errors import MESSAGES
from tests.images import gifs, jpegs
from tests.images.case import saved, scene


def test_the_limits_have_the_measured_values() -> None:
    assert limits.MAX_BYTES == 20 * 1024 * 1024
    assert limits.MAX_SIDE == 32_768
    assert limits.MAX_PIXELS == {
        "JPEG": 80_000_000,
        "PNG": 50_000_000,
        "GIF": 50_000_000,
        "WEBP": 13_000_000,
    }
    assert limits.MAX_PIXELS_ANIMATED == 500_000_000
    assert limits.MAX_FRAMES == 2_000
    assert limits.MAX_SCANS == 100
    assert limits.MAX_BLOCKS_VISITED == 12_000_000
    assert limits.MAX_SEGMENTS == 1_000
    assert limits.MAX_CHUNKS == 20_000
    assert limits.MAX_BLOCKS == 200_000
    assert limits.MAX_METADATA_BYTES == 16_000_000
    assert limits.MAX_PROFILE_BYTES == 4_000_000
    assert limits.MAX_MEMORY == 195_000_000
    assert limits.MAX_WORK == 800_000
    assert limits.MAX_CONCURRENT == 2


def test_messages_name_the_limits() -> None:
    pixels = str(MESSAGES["pixels"])
    assert [int(n) for n in re.findall(r"up to (\d+)", pixels)] == [
        limits.MAX_PIXELS[name] // limits.MB for name in ("JPEG", "GIF", "WEBP")
    ]
    assert f"{limits.MAX_SIDE:,} pixels" in str(MESSAGES["side"])
    assert f"{limits.MAX_BYTES >> 20} MB" in str(MESSAGES["bytes"])


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("MAX_BYTES", 100, "bytes"),
        ("MAX_SIDE", 95, "side"),
        ("MAX_SCANS", 1, "parts"),
        ("MAX_BLOCKS_VISITED", 100, "parts"),
        ("MAX_SEGMENTS", 5, "parts"),
        ("MAX_METADATA_BYTES", 10, "metadata"),
        ("MAX_PROFILE_BYTES", 10, "metadata"),
        ("MAX_MEMORY", 1_000, "pixels"),
        ("MAX_WORK", 1, "pixels"),
    ],
)
def test_each_limit_is_enforced(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int, code: str
) -> None:
    content = jpegs.with_segments(jpegs.icc(b"profile" * 9), content=jpegs.plain(progressive=True))
    inspect(content)
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(InvalidImage) as refused:
        inspect(content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("MAX_FRAMES", 2, "frames"),
        ("MAX_PIXELS_ANIMATED", 3 * 96 * 64 - 1, "frames"),
        ("MAX_WORK", 200, "frames"),
        ("MAX_BLOCKS", 3, "parts"),
    ],
)
def test_each_limit_of_animations_is_enforced(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int, code: str
) -> None:
    content = gifs.gif(*gifs.FLASH)
    inspect(content)
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(InvalidImage) as refused:
        inspect(content)
    assert refused.value.code == code


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP"])
def test_the_area_is_limited_for_every_format(
    monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    monkeypatch.setitem(limits.MAX_PIXELS, file_format, 96 * 64 - 1)
    with pytest.raises(InvalidImage) as refused:
        inspect(saved(scene(), file_format))
    assert refused.value.code == "pixels"


def test_two_small_files_are_decoded_in_parallel_and_no_third() -> None:
    slots, both, free, third = _Slots(), Barrier(3, timeout=30), Event(), Event()

    def hold() -> None:
        with slots.reserve(1):
            both.wait()
            assert free.wait(30)

    def come_third() -> None:
        with slots.reserve(1):
            third.set()

    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(hold) for _ in range(2)]
        both.wait()  # two are inside
        late = pool.submit(come_third)
        assert not third.is_set()
        free.set()
        for each in (*held, late):
            each.result()
    assert third.is_set()


def test_a_large_file_waits_until_it_is_alone() -> None:
    slots, inside, free, large = _Slots(), Event(), Event(), Event()

    def hold() -> None:
        with slots.reserve(limits.MAX_MEMORY // 2):
            inside.set()
            assert free.wait(30)
            assert not large.is_set()

    def come_later() -> None:
        with slots.reserve(limits.MAX_MEMORY):
            large.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert inside.wait(30)
        second = pool.submit(come_later)
        free.set()
        for each in (first, second):
            each.result()
    assert large.is_set()
