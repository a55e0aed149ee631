"""Two concurrent deletions of one row: its files are recorded once, by the one that deletes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEntry
from posts.models import Post, PostImage
from tests.helpers import stored
from tests.removals.test_concurrency import Session
from tests.testapp.models import BoundVolume, Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def collected(rows: QuerySet[Any]) -> Collector:
    """Return a deletion that has read its rows and will delete them later."""
    collector = Collector(using=connection.alias, origin=rows)
    collector.collect(rows)
    return collector


def entries() -> int:
    return AuditEntry.objects.count()


@pytest.mark.parametrize(
    "rows", [Post.objects.all(), PostImage.objects.all(), User.objects.filter(username="spammer")]
)
def test_rows_that_another_deletion_took_in_between_are_not_recorded_again(
    make_posts: MakePosts, rows: QuerySet[Model]
) -> None:
    make_posts(2, images=2)
    late = collected(rows.all())
    rows.all().delete()
    late.delete()
    assert entries() == 2 * 2 * 2


def test_what_the_other_deletion_left_is_recorded(make_posts: MakePosts) -> None:
    posts = make_posts(3, images=1)
    late = collected(Post.objects.all())
    posts[1].delete()
    late.delete()
    assert sorted(AuditEntry.objects.values_list("name", flat=True).distinct()) == sorted(
        AuditEntry.objects.values_list("name", flat=True)
    )
    assert entries() == 3 * 2


def test_a_subclass_and_its_parent_are_each_looked_for(transactional_db: None) -> None:
    for n in range(2):
        BoundVolume.objects.create(
            text=stored(f"{n}.txt", "attachments"), cover=stored(f"{n}.jpg", "attachments")
        )
    late = collected(Volume.objects.all())
    Volume.objects.all().delete()
    late.delete()
    assert entries() == 2 * 2


@pytest.mark.parametrize(("before", "after"), [("old.txt", "new.txt"), ("", "new.txt")])
def test_a_file_that_came_in_between_is_recorded_with_the_row(
    transactional_db: None, before: str, after: str
) -> None:
    volume = Volume.objects.create(text=before and stored(before, "attachments"))
    other = Volume.objects.create(text=stored("other.txt", "attachments"))
    late = collected(Volume.objects.all())
    Volume.objects.filter(pk=volume.pk).update(text=stored(after, "attachments"))
    late.delete()
    found = AuditEntry.objects.order_by("name").values_list("name", "object_key")
    assert list(found) == [(after, str(volume.pk)), ("other.txt", str(other.pk))]


def test_a_file_that_was_taken_from_the_row_in_between_is_not_recorded(
    transactional_db: None,
) -> None:
    Volume.objects.create(text=stored("moved.txt", "attachments"))
    late = collected(Volume.objects.all())
    Volume.objects.update(text="")
    late.delete()
    assert entries() == 0


def test_a_deletion_that_failed_leaves_nothing_behind_on_the_connection(
    make_posts: MakePosts,
) -> None:
    make_posts(1)

    def refuse(**_: object) -> None:
        raise IntegrityError("not now")

    pre_delete.connect(refuse, sender=Post)
    try:
        with pytest.raises(IntegrityError):
            Post.objects.all().delete()
    finally:
        pre_delete.disconnect(refuse, sender=Post)
    assert Post.objects.count() == 1
    assert connection.execute_wrappers == []
    Post.objects.all().delete()
    assert connection.execute_wrappers == []
    assert entries() == 4


def test_it_is_one_query_a_model(make_posts: MakePosts) -> None:
    def queries(count: int) -> int:
        make_posts(count, images=3)
        with CaptureQueriesContext(connection) as captured:
            PostImage.objects.all().delete()
        looks = 'SELECT "posts_postimage"."id" AS "pk", "posts_postimage"."image"'
        return sum(query["sql"].startswith(looks) for query in captured)

    assert queries(1) == queries(20) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_two_sessions_that_delete_one_post_record_it_once(make_posts: MakePosts) -> None:
    (post,) = make_posts(1, images=2)
    with transaction.atomic():
        Post.objects.filter(pk=post.pk).delete()
        other = Session(lambda: Post.objects.filter(pk=post.pk).delete())
        assert other.is_blocked(), "it waits for the rows, which it has read"
    other.result()
    assert entries() == 4
    assert not Post.objects.exists()
