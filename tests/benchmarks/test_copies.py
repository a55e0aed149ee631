"""`python -m benchmarks.copies`: how it counts groups, with a folder of a few pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.copies import figures_of
from tests.images.alike import HEIGHT, WIDTH, advertisement
from tests.images.case import saved
from tests.services.processes import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two advertisements with three copies each, and a photograph."""
    images = tmp_path / "images"
    images.mkdir()
    for number in (1, 2):
        picture, name = advertisement(number), f"ad0{number}"
        contents = {
            f"{name}.jpg": saved(picture, "JPEG"),
            f"{name}-q30.jpg": saved(picture, "JPEG", quality=30),
            f"{name}-small.webp": saved(picture.resize((WIDTH // 2, HEIGHT // 2)), "WEBP"),
            f"{name}-crop.jpg": saved(picture.crop((0, 0, WIDTH // 2, HEIGHT // 2)), "JPEG"),
        }
        for file, content in contents.items():
            (images / file).write_bytes(content)
    (images / "photo-cat.jpg").write_bytes(saved(advertisement(3), "JPEG"))
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.copies", str(folder)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_groups_and_copies_are_counted_beside_the_targets(folder: Path) -> None:
    ended = run(folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[2:] == [
        "| files of advertisements | 8 |  |  |",
        "| photographs | 1 |  |  |",
        "| groups with advertisements | 4 | at most 132 | yes |",
        "| groups that mix two, or one with a photograph | 0 | at most 0 | yes |",
        "| compressed copies with their original | 2 |  |  |",
        "| resized copies with their original | 2 |  |  |",
        "| cropped copies with their original | 0 |  |  |",
    ]


def test_a_group_with_a_photograph_is_the_exit_code(folder: Path) -> None:
    (folder / "images" / "photo-cat.jpg").write_bytes(saved(advertisement(2), "PNG"))
    ended = run(folder)
    assert ended.returncode == 1, ended.stderr
    assert "| groups that mix two, or one with a photograph | 1 | at most 0 | no |" in ended.stdout


def test_photographs_may_share_a_group_and_advertisements_may_not() -> None:
    mixed = "groups that mix two, or one with a photograph"
    assert figures_of([["photo-cat.jpg", "photo-dog-crop1.jpg"], ["ad01.jpg"]])[mixed] == 0
    assert figures_of([["ad01.jpg", "ad02-crop.jpg"]])[mixed] == 1
