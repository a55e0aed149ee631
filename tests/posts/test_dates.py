"""The years, months and days on which there are posts."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db.models import QuerySet

from posts.models import Post
from tests.posts.drawn import a_post

pytestmark = pytest.mark.django_db

MOMENTS = [
    datetime(2023, 12, 31, 23, 30, tzinfo=UTC),  # the new year has begun in Berlin
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 3, 30, 23, 30, tzinfo=UTC),  # the night in which Berlin's clocks change
    datetime(2024, 3, 31, 23, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),  # and change back
    datetime(2024, 10, 27, 23, 30, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("kind", ["year", "month", "day"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_are_the_ones_that_django_finds(kind: str, zone: str, order: str) -> None:
    for moment in MOMENTS:
        post = a_post()
        Post.objects.filter(pk=post.pk).update(created_at=moment)
    stock: QuerySet[Post] = QuerySet(Post)
    expected = stock.datetimes("created_at", kind, order, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type]
    found = Post.objects.datetimes("created_at", kind, order, tzinfo=ZoneInfo(zone))
    assert found == list(expected)


def test_are_none_without_posts() -> None:
    assert Post.objects.datetimes("created_at", "year") == []
