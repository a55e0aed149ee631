"""Each filter of the change list finds what plain Python finds in the same posts.

REVIEW_FOLDER may name the folder of `python -m benchmarks.check_first`: then the posts are those of
the folder, otherwise a few made-up ones.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from benchmarks import draws
from moderation.images.perceptual import THRESHOLD, hash_of_file
from posts.models import Post, PostImage
from tests.images.alike import COPIES, advertisement, plain
from tests.images.case import saved
from tests.posts.test_post_admin import LIST

pytestmark = pytest.mark.django_db

FOLDER = os.environ.get("REVIEW_FOLDER")
MOST_PICTURES = 60  # that are looked up one by one


@dataclass(frozen=True)
class Row:
    """A post as the folder describes it. Equal files have equal digests."""

    key: int
    label: str
    author: str
    reports: int
    age: timedelta
    digests: frozenset[str]
    hashes: frozenset[str]


Condition = Callable[[Row], bool]


@dataclass(frozen=True)
class Site:
    """The posts of a folder, and the browser of a superuser."""

    rows: list[Row]
    client: Client

    def found(self, **parameters: str) -> set[int]:
        """Return the keys that the change list finds."""
        posts = self.client.get(LIST, parameters).context["cl"].queryset
        return set(posts.values_list("pk", flat=True))

    def expected(self, condition: Condition) -> set[int]:
        return {row.key for row in self.rows if condition(row)}

    def shares(self) -> Condition:
        reported = set().union(*(row.digests for row in self.rows if row.reports >= 2))
        return lambda row: bool(row.digests & reported)


def is_similar(perceptual_hash: str) -> Condition:
    number = int(perceptual_hash, 16)
    return lambda row: any(
        (number ^ int(each, 16)).bit_count() <= THRESHOLD for each in row.hashes if each
    )


def made_up(folder: Path) -> Path:
    """Write a folder with advertisements and copies of them, and good posts without reports."""
    (folder / "images").mkdir()
    pictures = {
        f"ad{n}-{name}.png": saved(copy(advertisement(n)), "PNG")
        for n in range(3)
        for name, copy in COPIES.items()
    }
    pictures["plain.png"] = saved(plain(0), "PNG")
    for name, content in pictures.items():
        (folder / "images" / name).write_bytes(content)
    names = [*pictures, "", *list(pictures)[:4]]
    newest = datetime.fromisoformat("2026-08-01T07:43:33+00:00")
    with gzip.open(folder / "posts.jsonl.gz", "wt") as file:
        for number in range(120):
            row = {
                "author": f"user_{number % 7}", "title": "T", "body": "B",
                "created_at": (newest - timedelta(hours=3 * number)).isoformat(),
                "images": [names[number % len(names)]] if names[number % len(names)] else [],
                "reports": number % 9 if number % 4 == 0 else 0, "label": "ham",
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    return folder


@pytest.fixture
def site(admin_client: Client, tmp_path: Path) -> Site:
    draws._user.cache_clear()  # of another test
    folder = Path(FOLDER) if FOLDER else made_up(tmp_path)
    draws.load(folder)
    hashes = {}
    for path in sorted((folder / "images").iterdir()):
        digest = draws._sha256(path)
        hashes[digest] = hash_of_file(path.read_bytes())
        PostImage.objects.filter(sha256=digest).update(perceptual_hash=hashes[digest])
    now = timezone.now()
    entries = list(read(folder))
    newest = max(datetime.fromisoformat(entry["created_at"]) for entry in entries)
    Post.objects.update(created_at=F("created_at") + (now - newest - timedelta(minutes=1)))
    keys = Post.objects.order_by("pk").values_list("pk", flat=True)  # in the order of the folder
    rows = [
        row_of(key, entry, folder, hashes, newest) for key, entry in zip(keys, entries, strict=True)
    ]
    return Site(rows, admin_client)


def read(folder: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(folder / "posts.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def row_of(
    key: int, entry: dict[str, Any], folder: Path, hashes: dict[str, str], newest: datetime
) -> Row:
    files = [(folder / "images" / name).read_bytes() for name in entry["images"]]
    digests = frozenset(hashlib.sha256(content).hexdigest() for content in files)
    return Row(
        key=key,
        label=entry["label"],
        author=entry["author"],
        reports=entry["reports"],
        age=newest - datetime.fromisoformat(entry["created_at"]) + timedelta(minutes=1),
        digests=digests,
        hashes=frozenset(hashes[digest] for digest in digests),
    )


def test_filters_find_what_plain_python_finds(site: Site) -> None:
    conditions: dict[str, tuple[dict[str, str], Condition]] = {
        "reported": ({"reported": "yes"}, lambda row: row.reports > 0),
        "not reported": ({"reported": "no"}, lambda row: row.reports == 0),
        "1 report": ({"reported": "1"}, lambda row: row.reports == 1),
        "2 to 4": ({"reported": "2-4"}, lambda row: 2 <= row.reports <= 4),
        "5 or more": ({"reported": "5-or-more"}, lambda row: row.reports >= 5),
        "shares": ({"shares": "reported"}, site.shares()),
        "with pictures": ({"pictures": "yes"}, lambda row: bool(row.digests)),
        "without": ({"pictures": "no"}, lambda row: not row.digests),
        "day": ({"created_at__within": "day"}, lambda row: row.age < timedelta(days=1)),
        "week": ({"created_at__within": "week"}, lambda row: row.age < timedelta(days=7)),
    }
    author = max(site.rows, key=lambda row: -row.age).author
    for name, (parameters, condition) in conditions.items():
        expected = site.expected(condition)
        assert site.found(**parameters) == expected, name
        assert 0 < len(expected) < len(site.rows), name
        theirs = {row.key for row in site.rows if row.author == author}
        assert site.found(**parameters, author=author) == expected & theirs, name


def test_pictures_find_what_plain_python_finds(site: Site) -> None:
    digests = sorted(set().union(*(row.digests for row in site.rows)))[:MOST_PICTURES]
    for digest in digests:
        expected = site.expected(lambda row, digest=digest: digest in row.digests)  # type: ignore[misc]
        assert site.found(picture=digest) == expected
    hashes = sorted(set().union(*(row.hashes for row in site.rows)) - {""})[:MOST_PICTURES]
    assert digests
    assert hashes
    for each in hashes:
        assert site.found(like=each) == site.expected(is_similar(each))


@pytest.mark.skipif(not FOLDER, reason="REVIEW_FOLDER does not name a folder of real posts")
def test_shared_pictures_find_nearly_all_spam_and_no_good_post(site: Site) -> None:
    labels = {row.key: row.label for row in site.rows}
    for parameters, spam, good in (
        ({"shares": "reported"}, 929, 0),
        ({"reported": "yes"}, 789, 121),
    ):
        found = [labels[key] for key in site.found(**parameters)]
        assert (found.count("spam"), found.count("ham")) == (spam, good), parameters
