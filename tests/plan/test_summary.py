"""PostgreSQL tells of slices what the walk tells, digest by digest."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import Removal, RemovalSlice
from moderation.plan import make_plan
from moderation.plan.summary import can_summarize, summarize
from posts.models import Post, PostImage, Report
from tests.library.models import Album, Country, Shelf, Thread, Volume

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="the walk serves SQLite"),
]


def slices_of(keys: list[int], size: int) -> list[RemovalSlice]:
    removal = Removal.objects.create(model_label="posts.Post", actor_name="mod")
    return [
        RemovalSlice.objects.create(
            removal=removal, number=start, shown=[[key, ""] for key in keys[start : start + size]]
        )
        for start in range(0, len(keys), size)
    ]


@pytest.fixture
def posts() -> list[Post]:
    """Posts with no, one and several pictures; names that need care; one file missing in a row."""
    author = User.objects.create(username="a")
    posts = [Post.objects.create(author=author, title=str(n), body="") for n in range(9)]
    for number, post in enumerate(posts):
        PostImage.objects.bulk_create(
            PostImage(
                post=post, image=f"{number}/äö “{image}”\t.jpg",
                thumbnail="" if image == 2 else f"t{number}-{image}", sha256="0" * 64, size=number,
                width=1, height=1,
            )
            for image in range(number % 4)
        )  # fmt: skip
        if number % 2:
            Report.objects.create(post=post, reporter=author, reason="spam")
    return posts


def test_the_database_tells_what_the_walk_tells(posts: list[Post]) -> None:
    keys = [post.pk for post in posts] + [posts[-1].pk + 1000]
    parts = slices_of(keys, 4)
    told = list(summarize(Post, parts, using="default"))
    for part, shown in zip(parts, told, strict=True):
        asked = [key for key, _ in part.shown]
        walked = make_plan(Post, asked, using="default", limit=5000).shown()
        assert shown == walked


def test_the_number_of_queries_is_the_same_for_any_number_of_slices(posts: list[Post]) -> None:
    def queries(size: int) -> int:
        parts = slices_of([post.pk for post in posts], size)
        with CaptureQueriesContext(connection) as captured:
            list(summarize(Post, parts, using="default"))
        return len(captured)

    assert queries(9) == queries(1)


@pytest.mark.parametrize(
    ("model", "can"),
    [(Post, True), (Shelf, False), (Volume, False), (Thread, False), (Album, False),
     (Country, False), (User, False)],
)  # fmt: skip
def test_only_trees_of_plain_keys_are_summarized(model: type, can: bool) -> None:
    assert can_summarize(model, "default") is can
