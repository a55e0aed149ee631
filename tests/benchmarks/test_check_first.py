"""`python -m benchmarks.check_first`: what it counts, with a folder of a few posts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import check_first, content, draws
from benchmarks.catalogue import Goal
from moderation.models import MarkedObject, Removal
from posts.models import Post, PostImage
from tests.images.alike import advertisement
from tests.images.case import saved

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Spam with two copies of a picture, and good posts of which every second has its own."""
    images = tmp_path / "images"
    images.mkdir()
    for number, name in enumerate(["ad", *(f"photo-{n}" for n in range(1, 14, 2))]):
        (images / f"{name}.jpg").write_bytes(saved(advertisement(number), "JPEG"))
    (images / "ad-q30.jpg").write_bytes(saved(advertisement(0), "JPEG", quality=30))
    copies = [["ad.jpg"], ["ad-q30.jpg"]]
    rows = [{"label": "spam", "reports": n % 3, "images": copies[n % 2]} for n in range(60)]
    rows += [{"label": "ham", "reports": 0, "images": []}]
    rows += [
        {"label": "ham", "reports": 1, "images": [f"photo-{n}.jpg"] * (n % 2)} for n in range(14)
    ]
    with gzip.open(tmp_path / "posts.jsonl.gz", "wt") as file:
        for number, row in enumerate(rows):
            same = {"title": "T", "body": "B", "created_at": "2026-08-01T07:43:33+00:00"}
            file.write(json.dumps({"author": f"user_{number}", **same, **row}) + "\n")
    return tmp_path


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "spam", [])
    monkeypatch.setattr(draws, "good", [])
    draws._user.cache_clear()


def test_the_good_posts_are_counted_and_nothing_stays(folder: Path) -> None:
    draws.load(folder)
    assert (len(draws.spam), len(draws.good)) == (60, 14)
    first = draws.draw(0, stripped=0, entries=25)
    assert (first.seen, first.good_marked, first.marked) == (12, 12, 12)
    assert first.rules["no_picture"] + first.rules["unique_picture"] == 12  # type: ignore[operator]
    assert draws.draw(0, stripped=0, entries=25) == first
    assert draws.draw(0, stripped=0, entries=5).seen == 5
    assert not Removal.objects.exists()
    assert not MarkedObject.objects.exists()


def test_pictures_are_taken_away_for_one_draw(folder: Path) -> None:
    draws.load(folder)
    pictures = PostImage.objects.count()
    result = draws.draw(1, stripped=30, entries=30)
    assert str(result.rules["no_picture"]).startswith("dropped (3")
    assert (PostImage.objects.count(), Post.objects.count()) == (pictures, 75)


def test_nearly_identical_pictures_are_one_entry_as_on_the_page(folder: Path) -> None:
    draws.load(folder)
    *others, last = draws._groups(content.draft())
    assert last == set(draws.spam)
    assert [len(keys) for keys in others] == [1] * 7


@pytest.mark.parametrize(("entries", "code"), [(25, 0), (5, 1)])
def test_targets_are_printed_and_the_exit_code_says_whether_one_is_missed(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    entries: int,
    code: int,
) -> None:
    goals = (Goal(check_first.AVERAGE, at_least=11.5), Goal(check_first.MOST_MARKED, at_most=40))
    monkeypatch.setattr(check_first, "RUNS", (check_first.Run(0, entries, goals),))
    monkeypatch.setattr(check_first, "SEEDS", range(2))
    assert check_first.report(folder) == code
    figures = f"{min(entries, 12)} | at least 11.5 | {'no' if code else 'yes'}"
    printed = capsys.readouterr().out
    assert f"| good posts on average | {figures} |" in printed
    assert "| most marked posts | 12 | at most 40 | yes |" in printed
