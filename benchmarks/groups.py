"""The page of a draft that shows each picture once: its time, and the memory that it needs."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from django.db.models import CharField, F, Value
from django.db.models.functions import MD5, Cast, Concat, Mod, Right
from django.urls import reverse

from benchmarks import content, database
from benchmarks.http_client import AdminClient
from benchmarks.measure import medians, stopwatch
from benchmarks.sizes import Size
from moderation.models import Removal
from moderation.picture_groups.near import group_hashes
from moderation.storage import write_identity
from posts.models import PostImage

Figures = dict[str, float]
HASH_BITS = 256
SMALL_DRAFT = 10  # posts; its page loads the same modules as the large one, such as numpy


def groups(_folder: Path, size: Size) -> Figures:
    """Measure the first page of the groups of a large draft, and the grouping by hashes."""
    content.make_posts(size.confirm_posts)
    write_identity("default")
    _repeat_pictures(size.distinct_pictures)
    database.save()
    small, path = _path(content.draft(SMALL_DRAFT)), _path(content.draft())
    client = AdminClient()
    client.get(path)  # compiles the templates
    page = medians({"page": lambda: client.get(path)[0]}, rounds=size.rounds)["page"]
    return {
        "page_seconds": page,
        "page_mb": _growth(small, path),
        "near_seconds": _seconds_to_compare(size.compared_hashes),
    }


# The same benchmark for SQLite; the catalogue sets the database of each.
groups_sqlite = groups


def _repeat_pictures(distinct: int) -> None:
    """Set the digests and hashes of the pictures to `distinct` different values.

    The hashes differ as much as those of unrelated pictures, so each is compared with all others.
    """
    number = Cast(Mod(F("pk"), Value(distinct)), CharField(max_length=64))
    PostImage.objects.update(
        sha256=Right(Concat(Value("0" * 64), number), 64),
        perceptual_hash=Concat(MD5(number), MD5(Concat(number, Value("-")))),
    )


def _path(removal: Removal) -> str:
    return reverse("admin:moderation_removal_change", args=[removal.pk])


def _growth(small: str, large: str) -> float:
    """Return by how many MB the large page raises the peak of a process, after the small one."""
    command = [sys.executable, "-m", "benchmarks.page_growth", small, large]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this program
    return float(done.stdout)


def _seconds_to_compare(number: int) -> float:
    """Return the seconds that grouping `number` different hashes takes."""
    generator = random.Random(0)  # noqa: S311 - the same hashes each time
    hashes = [f"{generator.getrandbits(HASH_BITS):064x}" for _ in range(number)]
    with stopwatch() as watch:
        group_hashes(hashes)
    return watch.seconds
