"""For every shape of queryset in an admin, its objects are frozen or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.test import override_settings

from moderation.exceptions import CannotFreeze
from moderation.models import Removal
from moderation.removals import selection
from moderation.removals.freeze import freeze
from moderation.removals.selection import check_model, frozen_keys
from posts.models import Post, PostImage, Report
from tests.helpers import CODES

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]
Shape = Callable[[], QuerySet[Any]]
ALL = Post.objects.all

SHAPES: dict[str, Shape] = {
    "sliced": lambda: ALL().order_by("-pk")[:2],
    "sliced from the middle": lambda: ALL().order_by("-pk")[2:4],
    "united": lambda: ALL().filter(title="a").union(ALL().filter(title="b")),
    "intersected": lambda: ALL().filter(title="a").intersection(ALL()),
    "reversed": lambda: ALL().order_by("title").reverse(),
    "reversed and sliced": lambda: ALL().order_by("pk").reverse()[:3],
    "distinct": lambda: ALL().filter(post_images__isnull=False).distinct(),
    "repeated": lambda: ALL().filter(post_images__isnull=False),
    "counted": lambda: ALL().annotate(n=Count("post_images")).filter(n__gt=1),
    "counted twice": lambda: ALL().annotate(n=Count("post_images"), m=Count("reports")),
    "with a subquery": lambda: ALL().annotate(
        first=Subquery(PostImage.objects.filter(post=OuterRef("pk")).values("pk")[:1])
    ),
    "with an alias": lambda: ALL().alias(name=F("author__username")).filter(name="spammer"),
    "extra": lambda: ALL().extra(select={"one": "1"}, where=["title = 'a'"], order_by=["one"]),
    "extra tables": lambda: ALL().extra(tables=["posts_report"]),
    "ordered by what is related": lambda: ALL().order_by("-post_images__pk", "author__username"),
    "ordered at random": lambda: ALL().order_by("?"),
    "deferred": lambda: ALL().defer("body").select_related("author"),
    "only some columns": lambda: ALL().only("title"),
    "prefetched": lambda: ALL().prefetch_related("post_images"),
    "locked": lambda: ALL().select_for_update(),
    "either or": lambda: ALL().filter(Q(title="a") | Q(post_images__size=10)),
    "by a manager": lambda: User.objects.get(username="spammer").posts.filter(title="a"),
}


def keys_of(removal: Removal) -> list[Any]:
    return [key for batch in removal.batches.order_by("number") for key, _digest in batch.frozen]


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    made = make_posts(5)
    for post, title in zip(made, "abaab", strict=True):
        Post.objects.filter(pk=post.pk).update(title=title)
    Report.objects.create(post=made[0], reporter_id=made[0].author_id, reason="spam")
    return made


@pytest.mark.parametrize("shape", SHAPES)
def test_a_list_of_any_shape_is_frozen_in_key_order(
    posts: list[Post], moderator: User, shape: str
) -> None:
    listed = sorted({post.pk for post in SHAPES[shape]()})
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        removal = freeze(SHAPES[shape](), actor=moderator, permissions=CODES)
    assert keys_of(removal) == listed
    assert removal.objects_total == len(listed)


def test_one_row_of_each_value(posts: list[Post], moderator: User) -> None:
    """Only PostgreSQL has DISTINCT ON; on other databases the selection is refused."""
    firsts = Post.objects.order_by("title", "pk").distinct("title")
    if connection.vendor == "postgresql":
        removal = freeze(firsts, actor=moderator, permissions=CODES)
        assert keys_of(removal) == [posts[0].pk, posts[1].pk]
        return
    with pytest.raises(CannotFreeze, match="cannot read this list"):
        freeze(firsts, actor=moderator, permissions=CODES)
    assert not Removal.objects.exists()


@pytest.mark.parametrize(
    "shape",
    [
        lambda: Post.objects.values("title"),
        lambda: Post.objects.values_list("pk"),
        lambda: Post.objects.values("title").annotate(n=Count("pk")),
        lambda: Post.objects.dates("created_at", "day"),
    ],
)
def test_a_list_of_values_is_refused(posts: list[Post], moderator: User, shape: Shape) -> None:
    with pytest.raises(CannotFreeze, match="values, not objects"):
        freeze(shape(), actor=moderator, permissions=CODES)
    assert not Removal.objects.exists()


def test_a_list_of_another_database_is_refused(posts: list[Post], moderator: User) -> None:
    with pytest.raises(CannotFreeze, match="in the database “other”"):
        freeze(Post.objects.using("other"), actor=moderator, permissions=CODES)
    assert not Removal.objects.exists()


class Written:
    """A router that writes posts to another database."""

    def db_for_write(self, model: type[models.Model], **_: object) -> str | None:
        return "other" if model is Post else None


class Replicated:
    """A router that reads posts from a replica, which may be behind."""

    def db_for_read(self, model: type[models.Model], **_: object) -> str | None:
        return "replica" if model is Post else None


def test_objects_that_a_router_writes_elsewhere_are_refused(
    posts: list[Post], moderator: User
) -> None:
    routed = override_settings(DATABASE_ROUTERS=["tests.removals.test_selections.Written"])
    with routed, pytest.raises(CannotFreeze, match="in the database “other”"):
        freeze(Post.objects.all(), actor=moderator, permissions=CODES)


def test_keys_are_read_where_they_are_deleted(posts: list[Post], moderator: User) -> None:
    with override_settings(DATABASE_ROUTERS=["tests.removals.test_selections.Replicated"]):
        removal = freeze(Post.objects.filter(title="a"), actor=moderator, permissions=CODES)
    assert removal.objects_total == 3


def test_a_key_that_cannot_be_read_back_is_refused() -> None:
    class Odd(models.AutoField):
        def to_python(self, value: Any) -> Any:
            raise ValidationError("never")

    meta: Any = SimpleNamespace(pk=Odd(), verbose_name_plural="blobs")
    model: Any = SimpleNamespace(_meta=meta)
    with pytest.raises(CannotFreeze, match="keys of blobs cannot be stored"):
        list(frozen_keys(model, [b"\x00"]))


def test_a_key_of_several_columns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "has_composite_key", lambda model: model is PostImage)
    with pytest.raises(CannotFreeze, match=r"posts\.PostImage has a composite primary key"):
        check_model(Post)
    monkeypatch.setattr(selection, "has_composite_key", lambda model: model is Report)
    check_model(Post)  # its rows are only counted
