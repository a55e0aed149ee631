"""Imports of files that are truncated, in another format, or imported twice concurrently."""

from __future__ import annotations

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from posts.fixtures.images import FixtureImages
from posts.imports import write as write_module
from posts.imports.parse import MAX_LINE_BYTES
from posts.management.commands.import_posts import MAX_LISTED_BAD_LINES
from posts.management.formats import IMPORT_FORMAT
from posts.models import Post
from tests.posts.drawn import files_in
from tests.posts.test_import_posts import GOOD, images, run, titled, written

__all__ = ["images"]

pytestmark = pytest.mark.django_db


def packed(tmp_path: Path, titles: int, *, keep: float) -> Path:
    """Write a gzipped file of posts, truncated to a share of its bytes."""
    lines = [json.dumps(titled(f"{number}", body=f"{number}" * 99)) for number in range(titles)]
    content = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "truncated.gz"
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def whole_lines(path: Path) -> int:
    """Return the number of complete lines in a truncated file."""
    number = 0
    with suppress(EOFError), gzip.open(path) as file:
        for line in file:
            number += line.endswith(b"\n")
    return number


def test_the_good_lines_of_a_truncated_file_are_kept(tmp_path: Path, images: Path) -> None:
    path = packed(tmp_path, 250, keep=0.9)
    readable = whole_lines(path)
    assert 200 < readable < 250
    with pytest.raises(CommandError, match=rf"truncated\.gz: after line {readable}: .*ended"):
        run(path, images, skip_bad=True)
    assert Post.objects.count() == readable


def test_nothing_of_a_truncated_file_is_kept_where_every_line_must_be_good(
    tmp_path: Path, images: Path, fresh_storage: Path
) -> None:
    path = packed(tmp_path, 250, keep=0.9)
    with pytest.raises(CommandError, match=r"ended before.*Nothing was imported"):
        run(path, images)
    assert not Post.objects.exists()
    assert files_in(fresh_storage) == []


def test_a_file_whose_checksum_is_wrong_is_kept_and_named(tmp_path: Path, images: Path) -> None:
    path = tmp_path / "wrong.gz"
    content = bytearray(gzip.compress(json.dumps(GOOD).encode() + b"\n"))
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"wrong\.gz: after line 1: .*1 post had already"):
        run(path, images, skip_bad=True)
    assert Post.objects.count() == 1


def test_a_dry_run_also_names_where_the_file_is_truncated(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed(tmp_path, 250, keep=0.9)
    with pytest.raises(CommandError, match="ended before"):
        run(path, images, skip_bad=True, dry_run=True)
    assert f"{whole_lines(path)} posts would be added" in capsys.readouterr().out


def test_a_line_that_is_too_long_is_a_bad_line_like_others(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = json.dumps(titled("long", body="x" * 3 * MAX_LINE_BYTES))
    run(written(tmp_path, GOOD, long, titled("After")), images, skip_bad=True)
    assert set(Post.objects.values_list("title", flat=True)) == {"A title", "After"}
    assert capsys.readouterr().err.splitlines() == ["line 2: it is longer than 1 MB"]


def test_a_file_of_another_format_is_given_up_with_a_hint(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *["author;title;body"] * 20_970)
    with pytest.raises(CommandError, match=r"nothing was imported.*--help"):
        run(path, images)
    assert len(capsys.readouterr().err.splitlines()) == MAX_LISTED_BAD_LINES
    with pytest.raises(CommandError, match=r"The first 1000 lines are not posts.*--help"):
        run(path, images, skip_bad=True)
    assert len(capsys.readouterr().err.splitlines()) == MAX_LISTED_BAD_LINES + 1


def test_good_lines_behind_many_bad_ones_are_kept(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, GOOD, *["{"] * 2000, titled("After"))
    run(path, images, skip_bad=True)
    assert Post.objects.count() == 2
    shown = capsys.readouterr()
    assert "2,000 bad lines skipped" in shown.out
    assert len(shown.err.splitlines()) == MAX_LISTED_BAD_LINES + 1


@pytest.mark.parametrize("command", ["import_posts", "restore_fixtures"])
def test_the_help_shows_the_format(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command(command, "--help")
    shown = capsys.readouterr().out
    assert "The format of" in shown
    for name in ("author", "title", "body", "created_at", "image", "report"):
        assert name in shown


def test_the_line_that_the_help_shows_is_a_good_one(tmp_path: Path, images: Path) -> None:
    line = IMPORT_FORMAT[IMPORT_FORMAT.index("{") : IMPORT_FORMAT.index("}") + 1]
    line = line.replace("\n", " ")
    run(written(tmp_path, line), images)
    assert Post.objects.get().title == "A title"


def test_links_in_a_circle_are_a_bad_line(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "one.png").symlink_to(images / "two.png")
    (images / "two.png").symlink_to(images / "one.png")
    with pytest.raises(CommandError, match="1 bad line:"):
        run(written(tmp_path, titled("x", images=["one.png"])), images)
    assert "line 1: 'one.png': " in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"one\.png"):
        FixtureImages(images).find("one.png")


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_in_parallel_add_each_post_once(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are stopped between the check and the write, if they get there."""
    path = written(tmp_path, *[titled(f"{n}", images=[]) for n in range(500)], GOOD, GOOD)
    new_entries, both = write_module.new_entries, threading.Barrier(2)

    def look(*args: Any) -> Any:
        found = new_entries(*args)
        with suppress(threading.BrokenBarrierError):
            both.wait(1)  # the other one waits for its turn and does not get here
        return found

    def run_here() -> None:
        try:
            run(path, images)
        finally:
            connection.close()

    monkeypatch.setattr(write_module, "new_entries", look)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run_here) for _ in range(2)]:
            done.result()
    assert Post.objects.count() == 502
