"""A plan has the rows that Django's Collector deletes, on every type of relation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.db.models.deletion import ProtectedError, RestrictedError
from django.test.utils import CaptureQueriesContext

from moderation.cascade import Plan, make_plan
from moderation.exceptions import TooManyRows
from posts.models import Post, PostImage, Report
from tests.cascade.engines import collected
from tests.testapp.models import (
    Album,
    Bookmark,
    BoundVolume,
    Country,
    Loan,
    Note,
    Shelf,
    Song,
    Stamp,
    Tag,
    Thread,
    Volume,
    VolumeProxy,
)

pytestmark = pytest.mark.django_db


def plan_of(model: type[models.Model], keys: Sequence[Any], limit: int = 5000) -> Plan:
    return make_plan(model, keys, using="default", limit=limit)


def assert_alike(model: type[models.Model], keys: Sequence[Any]) -> Plan:
    plan = plan_of(model, keys)
    assert +plan.counts.rows == collected(model, keys)
    return plan


def volume(**fields: Any) -> Volume:
    return Volume.objects.create(text="text.txt", index="index.txt", **fields)


def test_cascades_through_posts_to_pictures_and_reports() -> None:
    author = User.objects.create(username="a")
    posts = [Post.objects.create(author=author, title=str(n), body="") for n in range(3)]
    for post in posts:
        Report.objects.create(post=post, reporter=author, reason="spam")
        PostImage.objects.create(
            post=post, image=f"{post.pk}.jpg", thumbnail=f"{post.pk}-t.webp", sha256="0" * 64,
            size=7, width=1, height=1,
        )  # fmt: skip
    plan = assert_alike(Post, [posts[0].pk, posts[1].pk])
    assert sorted(file.name for file in plan.files) == sorted(
        name for post in posts[:2] for name in (f"{post.pk}.jpg", f"{post.pk}-t.webp")
    )
    assert plan.counts.size == 14
    assert_alike(User, [author.pk])


def test_many_to_many_rows_are_deleted_and_the_other_side_stays() -> None:
    one, tag = volume(), Tag.objects.create(name="t")
    one.tags.add(tag)
    plan = assert_alike(Volume, [one.pk])
    assert plan.counts.rows["library.Volume_tags"] == 1
    assert "library.Tag" not in plan.counts.rows
    assert_alike(Tag, [tag.pk])


def test_generic_relations_are_followed_by_text_keys() -> None:
    one, other = volume(), volume()
    Note.objects.create(target=one)
    Note.objects.create(target=other)
    assert assert_alike(Volume, [one.pk]).counts.rows["library.Note"] == 1


def test_set_null_and_similar_actions_update_rows_and_delete_none() -> None:
    one = volume()
    Bookmark.objects.create(volume=one, second=one, third=one)
    plan = assert_alike(Volume, [one.pk])
    assert plan.counts.updates == {"library.Bookmark": 3}


def test_a_protected_object_is_named() -> None:
    one = volume()
    Loan.objects.create(volume=one)
    with pytest.raises(ProtectedError):
        collected(Volume, [one.pk])
    assert plan_of(Volume, [one.pk]).counts.protected == {"library.Loan": 1}


def test_restrict_blocks_unless_the_row_is_deleted_too() -> None:
    album, single = Album.objects.create(name="a"), Album.objects.create(name="s")
    Song.objects.create(album=album, single_of=single)
    with pytest.raises(RestrictedError):
        collected(Album, [single.pk])
    assert plan_of(Album, [single.pk]).counts.restricted == {"library.Song": 1}
    assert assert_alike(Album, [album.pk, single.pk]).counts.restricted == {}


def test_a_model_that_refers_to_itself_is_followed_to_the_end() -> None:
    parent = Thread.objects.create(picture="0.jpg")
    root = parent
    for number in range(1, 5):
        parent = Thread.objects.create(parent=parent, picture=f"{number}.jpg")
    root.parent = parent  # closes the cycle
    root.save()
    plan = assert_alike(Thread, [root.pk])
    assert len(plan.files) == 5
    assert set(plan.files.values()) == {root.pk}


@pytest.mark.parametrize("model", [Volume, BoundVolume, VolumeProxy, Shelf])
def test_inheritance_deletes_parent_and_child_with_the_files_of_each(
    model: type[models.Model],
) -> None:
    shelf = Shelf.objects.create(name="s")
    bound = BoundVolume.objects.create(
        text="text.txt", index="index.txt", cover="cover.jpg", shelf=shelf
    )
    Note.objects.create(target=Volume.objects.get())
    plan = assert_alike(model, [shelf.pk if model is Shelf else bound.pk])
    assert {(file.label, file.field, file.name) for file in plan.files} == {
        ("library.Volume", "text", "text.txt"),
        ("library.Volume", "index", "index.txt"),
        ("library.BoundVolume", "cover", "cover.jpg"),
    }


def test_a_foreign_key_to_another_column_than_the_primary_key_is_followed() -> None:
    at, de = Country.objects.create(code="at"), Country.objects.create(code="de")
    Stamp.objects.create(country=at, scan="at.png")
    Stamp.objects.create(country=de, scan="de.png")
    plan = assert_alike(Country, [at.pk])
    assert [(file.name, root) for file, root in plan.files.items()] == [("at.png", at.pk)]


def test_each_file_belongs_to_the_object_that_it_is_deleted_with() -> None:
    shelves = [Shelf.objects.create(name=str(n)) for n in range(3)]
    for shelf in shelves:
        volume(shelf=shelf)
    plan = plan_of(Shelf, [shelf.pk for shelf in shelves])
    assert Counter(plan.files.values()) == {shelf.pk: 2 for shelf in shelves}


def test_a_plan_beyond_its_limit_raises_too_many_rows() -> None:
    shelf = Shelf.objects.create(name="s")
    for _ in range(4):
        volume(shelf=shelf).tags.add(Tag.objects.create(name="t"))
    assert plan_of(Shelf, [shelf.pk], limit=9).counts.rows.total() == 9
    with pytest.raises(TooManyRows):
        plan_of(Shelf, [shelf.pk], limit=8)
    with pytest.raises(TooManyRows):
        plan_of(Shelf, [shelf.pk], limit=3)


def test_a_digest_changes_with_files_and_not_with_other_rows() -> None:
    shelf, other = Shelf.objects.create(name="s"), Shelf.objects.create(name="o")
    one = volume(shelf=shelf)
    before = dict(plan_of(Shelf, [shelf.pk, other.pk]).preview().objects)
    one.tags.add(Tag.objects.create(name="t"))
    shelf.name = "renamed"
    shelf.save()
    assert dict(plan_of(Shelf, [shelf.pk, other.pk]).preview().objects) == before
    volume(shelf=shelf)
    after = dict(plan_of(Shelf, [shelf.pk, other.pk]).preview().objects)
    assert after[shelf.pk] != before[shelf.pk]
    assert after[other.pk] == before[other.pk]


@pytest.mark.parametrize("model", [Post, Shelf, User])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    model: type[models.Model],
) -> None:
    def queries(rows: int) -> int:
        keys = []
        for _ in range(rows):
            author = User.objects.create(username=str(User.objects.count()))
            shelf = Shelf.objects.create(name="s")
            volume(shelf=shelf)
            post = Post.objects.create(author=author, title="", body="")
            keys.append({Post: post, Shelf: shelf, User: author}[model].pk)
        plan_of(model, keys)  # the first of all tests also looks up content types
        with CaptureQueriesContext(connection) as captured:
            plan_of(model, keys)
        return len(captured)

    assert queries(2) == queries(20)
