"""`python -m benchmarks.check_first`: what it counts, with a folder of a few posts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import draws
from moderation.models import MarkedObject, Removal
from posts.models import Post, PostImage

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Spam with the same picture, and good posts of which every second has one of its own."""
    (tmp_path / "images").mkdir()
    rows = [{"label": "spam", "reports": n % 3, "images": ["ad.jpg"]} for n in range(60)]
    rows += [{"label": "ham", "reports": 0, "images": []}]
    rows += [
        {"label": "ham", "reports": 1, "images": [f"photo-{n}.jpg"] * (n % 2)} for n in range(14)
    ]
    with gzip.open(tmp_path / "posts.jsonl.gz", "wt") as file:
        for number, row in enumerate(rows):
            same = {"title": "T", "body": "B", "created_at": "2026-08-01T07:43:33+00:00"}
            file.write(json.dumps({"author": f"user_{number}", **same, **row}) + "\n")
            for name in row["images"]:  # type: ignore[attr-defined]
                (tmp_path / "images" / name).write_text(name)
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
