"""The search for pictures that are similar to one, among all hashes that the database stores."""

from __future__ import annotations

import random
import statistics
import tracemalloc
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from benchmarks import content, database
from benchmarks.measure import stopwatch
from benchmarks.sizes import Size
from moderation.db.bulk_insert import insert
from moderation.images.perceptual import THRESHOLD
from moderation.picture_groups.similar import similar_hashes
from moderation.registry.content import picture_sources_of
from posts.models import Post, PostImage

Figures = dict[str, float]
HASH_BITS = 256
HASHES_PER_POST = 1_000
LOOKS = 50


def similarity_search(_folder: Path, size: Size) -> Figures:
    """Measure searches for one hash each: half of them are similar to a stored hash."""
    generator = random.Random(0)  # noqa: S311 - the same hashes each time
    stored = _store(size.stored_hashes, generator)
    database.save()
    wanted = [(each, _similar_to(each, generator)) for each in generator.sample(stored, LOOKS // 2)]
    others = [_hash(generator) for _ in range(LOOKS // 2)]
    _look(others[0])  # opens the connection
    seconds = [_seconds(each) for each in others]
    for each, similar in wanted:
        seconds.append(_seconds(similar))
        if _look(similar) != {each}:
            raise RuntimeError("A similar hash was not found.")
    return {
        "median_seconds": statistics.median(seconds),
        "slowest_seconds": max(seconds),
        "peak_mb": _memory_of_look(others[0]),
    }


# The same benchmark for SQLite; the catalogue sets the database of each.
similarity_search_sqlite = similarity_search


def _look(wanted: str) -> set[str]:
    (source,) = picture_sources_of(Post)
    return similar_hashes(source, [wanted])


def _seconds(wanted: str) -> float:
    with stopwatch() as watch:
        _look(wanted)
    return watch.seconds


def _memory_of_look(wanted: str) -> float:
    """Return the peak of the memory that Python allocates during a search, in MB."""
    tracemalloc.start()
    _look(wanted)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1_000_000


def _hash(generator: random.Random) -> str:
    return f"{generator.getrandbits(HASH_BITS):064x}"


def _similar_to(perceptual_hash: str, generator: random.Random) -> str:
    """Return a hash that differs in THRESHOLD bits, and so is just similar."""
    number = int(perceptual_hash, 16)
    for bit in generator.sample(range(HASH_BITS), THRESHOLD):
        number ^= 1 << bit
    return f"{number:064x}"


def _store(number: int, generator: random.Random) -> list[str]:
    """Insert pictures with `number` different hashes; return the hashes."""
    hashes = [_hash(generator) for _ in range(number)]
    author, _ = User.objects.get_or_create(username="spammer")
    remaining = iter(enumerate(hashes))
    while part := list(islice(remaining, HASHES_PER_POST)):
        post = Post.objects.create(author=author, title="Cheap pills")
        _insert(post, part)
    return hashes


@transaction.atomic
def _insert(post: Post, hashes: Iterable[tuple[int, str]]) -> None:
    rows = (
        {
            "post_id": post.pk,
            "image": content.name_of(position, 0, ".jpg"),
            "thumbnail": content.name_of(position, 0, "-thumb.webp"),
            "sha256": f"{position:064x}",
            "size": len(content.CONTENT),
            "width": 800,
            "height": 600,
            "perceptual_hash": perceptual_hash,
        }
        for position, perceptual_hash in hashes
    )
    insert(PostImage, rows, using="default")
