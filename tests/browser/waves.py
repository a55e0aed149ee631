"""Spam with good posts selected by mistake: made up, or drawn from labelled real posts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage

from benchmarks import draws
from posts.models import Post, PostImage, Report
from tests.images.alike import advertisement, again
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post
from tests.services.processes import ROOT

SPAM, ADVERTISEMENTS, GOOD = 110, 5, 12
PHOTOGRAPHS = sorted((ROOT / "fixtures" / "pictures").glob("*-1.webp"))


@dataclass(frozen=True, slots=True)
class Wave:
    """The keys of the spam and of the good posts. They are all the posts with reports."""

    spam: set[int]
    good: set[int]


def made_up() -> Wave:
    """Store spam that repeats its pictures, and good posts with a photograph or without picture.

    One of the spam pictures is in one post only, and so marked like a good one.
    """
    contents = [saved(again(advertisement(n)), "JPEG") for n in range(ADVERTISEMENTS + 1)]
    spam = [a_post(f"Cheap pills {n}", f"spammer{n}") for n in range(SPAM)]
    for number, post in enumerate(spam):
        a_picture(post, contents[number % ADVERTISEMENTS if number else ADVERTISEMENTS])
    good = [a_post(f"My garden {n}", f"gardener{n}") for n in range(GOOD)]
    for post, photograph in zip(good[::2], PHOTOGRAPHS, strict=False):
        a_picture(post, photograph.read_bytes())
    _report([*spam, *good])
    return Wave({post.pk for post in spam}, {post.pk for post in good})


def drawn(folder: Path, seed: int) -> Wave:
    """Store the posts of a folder, of which all spam and a draw of the good ones have reports.

    The folder is that of `python -m benchmarks.check_first`, and the draw the same. So that a
    filter selects these posts and no others, spam without a report gets one, and the other good
    posts with reports are deleted.
    """
    draws._user.cache_clear()  # of another test
    draws.spam.clear()
    draws.good.clear()
    draws.load(folder)
    chosen = set(random.Random(seed).sample(draws.good, draws.GOOD_POSTS))  # noqa: S311
    Post.objects.filter(pk__in=set(draws.good) - chosen).delete()
    _report(list(Post.objects.filter(pk__in=draws.spam, reports=None)))
    for path in sorted((folder / "images").iterdir()):
        _store(path)
    return Wave(set(draws.spam), chosen)


def _report(posts: list[Post]) -> None:
    reporter, _ = get_user_model().objects.get_or_create(username="reporter")
    Report.objects.bulk_create(Report(post=post, reporter=reporter) for post in posts)


def _store(path: Path) -> None:
    """Link the files of a picture's rows."""
    for row in PostImage.objects.filter(sha256=draws._sha256(path)):
        for name in (row.image.name, row.thumbnail.name):
            link = Path(default_storage.path(str(name)))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
