"""Similar pictures outside of a selection are found by the indexes of their hashes."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Index

from moderation.db.hash_chunks import CHUNK_DIGITS, MAX_BITS, with_similar_chunk
from moderation.images.perceptual import THRESHOLD
from moderation.picture_groups.groups import group_of, picture_groups
from moderation.picture_groups.similar import can_search, objects_with_similar, similar_hashes
from moderation.registry.content import PictureSource, picture_sources_of
from posts.models import Post, PostImage
from tests.picture_groups.test_near import BITS, with_bits

pytestmark = pytest.mark.django_db

SPREAD = range(0, BITS, BITS // THRESHOLD)  # in every chunk


@pytest.fixture
def source() -> PictureSource:
    (found,) = picture_sources_of(Post)
    return found


def make_post(*pictures: tuple[str, str | None]) -> Post:
    """Create a post with pictures of these names and hashes, whose files do not exist."""
    author, _ = User.objects.get_or_create(username="spammer")
    post = Post.objects.create(author=author, title="Post")
    for number, (name, perceptual_hash) in enumerate(pictures):
        PostImage.objects.create(
            post=post, sha256=name * 64, image=f"{post.pk}-{number}.jpg",
            thumbnail=f"{post.pk}-{number}.webp", size=10, width=1, height=1,
            perceptual_hash=perceptual_hash,
        )  # fmt: skip
    return post


def with_similar(selected: list[Post], visible: list[Post] | None = None) -> set[Post]:
    """Return the other posts with a picture similar to the group of picture "a"."""
    keys = Post.objects.filter(pk__in=[post.pk for post in selected]).values("pk")
    group = group_of(picture_groups(Post, keys), "a" * 64)
    assert group
    shown = Post.objects.filter(pk__in=[post.pk for post in visible]) if visible else None
    return set(objects_with_similar(group, Post, keys, shown.values("pk") if shown else None))


def test_hashes_are_similar_up_to_the_threshold_wherever_they_differ(
    source: PictureSource,
) -> None:
    chance = random.Random(0)  # noqa: S311 - repeatable
    base = chance.getrandbits(BITS)
    bit_lists = [list(SPREAD), *(chance.sample(range(BITS), THRESHOLD + 1) for _ in range(50))]
    similar = [with_bits(*bits[:THRESHOLD], base=base) for bits in bit_lists]
    others = [with_bits(*bits[: THRESHOLD + 1], base=base) for bits in bit_lists[1:]]
    make_post(*(("b", each) for each in [*similar, *others, "", None]))
    assert similar_hashes(source, [with_bits(base=base)]) == set(similar)
    assert similar_hashes(source, []) == set()


def test_every_similar_hash_has_a_similar_chunk() -> None:
    assert sum(CHUNK_DIGITS) * 4 == BITS
    assert THRESHOLD <= MAX_BITS < 2 * len(CHUNK_DIGITS)


def test_the_database_can_look_hashes_up_in_all_indexes() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # which is cheaper for a small table
    rows = with_similar_chunk(PostImage.objects.all(), "perceptual_hash", [with_bits(1)])
    plan = rows.order_by().explain()
    for number in range(1, len(CHUNK_DIGITS) + 1):
        assert re.search(rf"INDEX (SCAN ON )?postimage_hash_{number}\b", plan, re.IGNORECASE)
    assert not re.search(r"SCAN (ON )?posts_postimage", plan.replace("Bitmap Heap Scan", ""))


def test_posts_outside_of_the_selection_with_a_similar_picture_are_found() -> None:
    selected = [make_post(("a", with_bits(1))), make_post(("c", with_bits(2)))]
    near = make_post(("d", with_bits(*SPREAD[:-2])), ("e", with_bits(3)))
    same_hash = make_post(("f", with_bits(1)))
    make_post(("a", with_bits(1)))  # the same file
    make_post(("g", with_bits(*range(100))))
    make_post(("h", ""), ("i", None))
    assert with_similar(selected) == {near, same_hash}


def test_only_visible_posts_are_found() -> None:
    selected = [make_post(("a", with_bits(1)))]
    near = [make_post((name, with_bits(2))) for name in "bc"]
    assert with_similar(selected, visible=[*selected, near[0]]) == {near[0]}


def test_a_picture_without_hash_has_no_similar_ones() -> None:
    selected = [make_post(("a", ""))]
    make_post(("b", ""), ("c", None))
    assert with_similar(selected) == set()


def test_nothing_is_searched_without_the_indexes(
    source: PictureSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected = [make_post(("a", with_bits(1)))]
    make_post(("b", with_bits(2)))
    assert can_search(source)
    meta: Any = PostImage._meta
    monkeypatch.setattr(meta, "indexes", [Index(fields=["perceptual_hash"], name="one")])
    assert not can_search(source)
    assert with_similar(selected) == set()
