"""`any_of` finds what `in` finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEntry
from posts.models import Post, PostImage

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]


def keys_of(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True))


def test_any_of_finds_rows_by_key_text_and_relation(make_posts: MakePosts) -> None:
    one, two, other = make_posts(3, images=2)
    titles, keys = {one.title, two.title, 'not "there", {NULL}'}, [one.pk, two.pk]
    assert keys_of(Post.objects.filter(pk__any_of=keys)) == sorted(keys)
    assert keys_of(Post.objects.filter(title__any_of=titles)) == sorted(keys)
    assert keys_of(Post.objects.exclude(pk__any_of=keys)) == [other.pk]
    images = [image.pk for post in (one, two) for image in post.post_images.all()]
    for path in ("post", "post_id", "post__pk"):
        found = PostImage.objects.filter(**{f"{path}__any_of": keys})
        assert keys_of(found) == sorted(images), path


def test_an_empty_list_runs_no_query_and_finds_nothing(make_posts: MakePosts) -> None:
    posts = make_posts(1)
    with CaptureQueriesContext(connection) as captured:
        assert not keys_of(Post.objects.filter(pk__any_of=[]))
    assert not captured.captured_queries
    assert keys_of(Post.objects.exclude(pk__any_of=[])) == [posts[0].pk]


def test_a_list_is_one_parameter_on_postgresql(make_posts: MakePosts) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("elsewhere it is `in`")
    sql = str(Post.objects.filter(pk__any_of=range(1000)).query)
    assert "= ANY(" in sql


@pytest.mark.parametrize("number", [2**15, 2**31, 2**63, 2**70, -(2**63) - 1])
def test_a_number_too_large_for_the_column_matches_nothing(number: int) -> None:
    image = one_image()
    for path in ("width", "size", "pk"):
        found = PostImage.objects.filter(**{f"{path}__any_of": [number]})
        assert not found, path
        found = PostImage.objects.filter(**{f"{path}__any_of": [number, getattr(image, path)]})
        assert keys_of(found) == [image.pk], path
        assert PostImage.objects.exclude(**{f"{path}__any_of": [number]}), path


def test_a_text_longer_than_the_column_does_not_match_its_beginning() -> None:
    image = one_image()
    for path, length in (("sha256", 64), ("image", 100)):
        stored = "0" * length
        PostImage.objects.update(**{path: stored})
        found = PostImage.objects.filter(**{f"{path}__any_of": [stored + "1"]})
        assert not found, path
        found = PostImage.objects.filter(**{f"{path}__any_of": [stored + "1", stored]})
        assert keys_of(found) == [image.pk], path


def test_null_is_in_no_list() -> None:
    image = one_image()
    assert not PostImage.objects.filter(pk__any_of=[None])
    assert keys_of(PostImage.objects.exclude(pk__any_of=[None, image.pk + 1])) == [image.pk]


@pytest.mark.parametrize(
    ("model", "path", "value"),
    [(User, "pk", 1), (Post, "pk", 1), (AuditEntry, "attempts", 1), (AuditEntry, "key", "k")],
)  # fmt: skip
def test_the_index_serves_columns_of_each_type(model: type[Model], path: str, value: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a plan of PostgreSQL's")
    column = model._meta.pk.column if path == "pk" else path
    found = model._base_manager.filter(**{f"{path}__any_of": {value}})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("CREATE INDEX ON " + model._meta.db_table + f" ({column})")
        plan = found.order_by().explain()
    assert "Index Cond" in plan
    assert "Filter" not in plan


def one_image() -> PostImage:
    post = Post.objects.create(author=User.objects.create(username="a"), title="t", body="")
    PostImage.objects.bulk_create([PostImage(post=post, image="a", size=7, width=8, height=9)])
    return PostImage.objects.get()
