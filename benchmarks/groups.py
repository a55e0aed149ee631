"""The page of a draft that shows each picture once: its time, and the memory that it needs."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat, Mod, Right
from django.urls import reverse

from benchmarks import content
from benchmarks.http_client import AdminClient
from benchmarks.measure import medians, stopwatch
from benchmarks.sizes import Size
from moderation.picture_groups.near import group_hashes
from moderation.storage import write_identity
from posts.models import PostImage

Figures = dict[str, float]
HASH_BITS = 256


def groups(_folder: Path, size: Size) -> Figures:
    """Measure the first page of the groups of a large draft, and the grouping by hashes."""
    content.make_posts(size.confirm_posts)
    write_identity("default")
    _repeat_pictures(size.distinct_pictures)
    removal = content.draft()
    client = AdminClient()
    client.client.force_login(content.moderator())
    path = reverse("admin:moderation_removal_change", args=[removal.pk])
    client.get(path)  # compiles the templates
    page = medians({"page": lambda: client.get(path)[0]}, rounds=size.rounds)["page"]
    return {
        "page_seconds": page,
        "page_mb": _memory_of_request(client, path),
        "near_seconds": _seconds_to_compare(size.compared_hashes),
    }


# The same benchmark for SQLite; the catalogue sets the database of each.
groups_sqlite = groups


def _repeat_pictures(distinct: int) -> None:
    """Set the digests of the pictures to `distinct` different values."""
    number = Cast(Mod(F("pk"), Value(distinct)), CharField(max_length=64))
    PostImage.objects.update(sha256=Right(Concat(Value("0" * 64), number), 64))


def _memory_of_request(client: AdminClient, path: str) -> float:
    """Return the peak of the memory that Python allocates during a request, in MB."""
    tracemalloc.start()
    client.get(path)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1_000_000


def _seconds_to_compare(number: int) -> float:
    """Return the seconds that grouping `number` different hashes takes."""
    generator = random.Random(0)  # noqa: S311 - the same hashes each time
    hashes = [f"{generator.getrandbits(HASH_BITS):064x}" for _ in range(number)]
    with stopwatch() as watch:
        group_hashes(hashes)
    return watch.seconds
