"""Load labelled posts, and review a draft of all spam with a few good posts."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from benchmarks.content import PERMISSIONS, moderator
from moderation.images.perceptual import hash_of_file
from moderation.models import FrozenKeys, Removal
from moderation.picture_groups.details import objects_with
from moderation.picture_groups.groups import picture_groups
from moderation.removals.check_first import undecided
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage, Report

GOOD_POSTS = 12  # of each draw


@dataclass(frozen=True, slots=True)
class Draw:
    """What a moderator sees: how many good posts come early, and how many posts are marked.

    `rules` counts the posts that each rule marks, or says that it was dropped.
    """

    seen: int
    good_marked: int
    marked: int
    rules: dict[str, int | str]


# The keys of the spam and of the reported good posts, in the order of the file.
spam: list[int] = []
good: list[int] = []


def load(folder: Path) -> None:
    """Insert the posts of a folder with their pictures and reports."""
    with transaction.atomic(), gzip.open(folder / "posts.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            post = _insert(row, folder / "images")
            if row["label"] == "spam":
                spam.append(post.pk)
            elif row["reports"]:
                good.append(post.pk)


def draw(seed: int, *, stripped: int, entries: int) -> Draw:
    """Freeze all spam with some good posts, measure the draft, and roll everything back.

    First deletes the pictures of `stripped` spam posts. Both samples depend only on the seed.
    """
    chosen = set(random.Random(seed).sample(good, GOOD_POSTS))  # noqa: S311 - repeatable
    without = random.Random(seed).sample(spam, stripped)  # noqa: S311 - repeatable
    with transaction.atomic():
        PostImage.objects.filter(post__in=without).delete()
        selected = Post.objects.filter(pk__in=[*spam, *chosen])
        removal = freeze(selected, actor=moderator(), permissions=PERMISSIONS)
        result = _result(removal, chosen, entries)
        transaction.set_rollback(True)
    return result


def _result(removal: Removal, chosen: set[int], entries: int) -> Draw:
    marked = [int(key) for key in _marked_keys(removal)]
    shown = [{key} for key in marked] + list(_groups(removal))
    rules: Counter[str] = Counter()
    for each in removal.marked_objects.all():
        rules.update(name for name, _parameters in each.rules)
    dropped = {name: f"dropped ({number})" for name, number, _total in removal.dropped_rules}
    return Draw(
        seen=len(chosen.intersection(set[int]().union(*shown[:entries]))),
        good_marked=len(chosen.intersection(marked)),
        marked=len(marked),
        rules={**rules, **dropped},
    )


def _marked_keys(removal: Removal) -> Sequence[str]:
    """Return the keys of the marked posts in the order of the page."""
    return list(undecided(removal).order_by("-weight", "pk").values_list("key", flat=True))


def _groups(removal: Removal) -> Iterator[set[int]]:
    """Yield the keys of the posts of each picture, the rarest first."""
    keys = FrozenKeys(removal, Post)
    for group in picture_groups(Post, keys):
        yield set(objects_with([group], Post, keys).values_list("pk", flat=True))


def _insert(row: dict[str, Any], images: Path) -> Post:
    created_at = datetime.fromisoformat(row["created_at"])
    post = Post.objects.create(
        author=_user(row["author"]), title=row["title"][:300], body=row["body"],
        created_at=created_at,
    )  # fmt: skip
    PostImage.objects.bulk_create(picture_rows(post, row["images"], images))
    Report.objects.bulk_create(
        Report(post=post, reporter=_user(f"reporter{number}")) for number in range(row["reports"])
    )
    return post


def picture_rows(post: Post, names: Iterable[str], images: Path) -> Iterator[PostImage]:
    """Yield the rows of pictures. Their files are not stored: a draft reads only the rows."""
    for number, name in enumerate(names):
        yield PostImage(
            post=post, image=f"{post.pk}-{number}", thumbnail=f"{post.pk}-{number}-thumb",
            sha256=_sha256(images / name), perceptual_hash=_perceptual_hash(images / name),
            size=1, width=1, height=1,
        )  # fmt: skip


@cache
def _user(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _perceptual_hash(path: Path) -> str:
    return hash_of_file(path.read_bytes())
