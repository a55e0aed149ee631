"""Keys of any type are found in the drafts that contain them, and only there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.models import NotInRemovals, Removal, removals_by_key, shared_with_removals
from posts.models import Post
from tests.testapp.models import Exhibit

pytestmark = pytest.mark.django_db


def posts() -> list[Any]:
    author = User.objects.create_user("author")
    return [Post.objects.create(author=author, title=str(n)) for n in range(6)]


def exhibits() -> list[Any]:
    return sorted((Exhibit.objects.create() for _ in range(6)), key=lambda each: each.pk)


def sessions() -> list[Any]:
    keys = ("12", "a b", "ä\"'", "{x}", "\\", "%s")
    return [Session.objects.create(pk=key, expire_date=timezone.now()) for key in sorted(keys)]


MAKE = pytest.mark.parametrize("make", [posts, exhibits, sessions])


def draft(model: type[Model], *batches: list[Any]) -> Removal:
    """Return a draft with these objects in its batches."""
    removal = Removal.objects.create(model_label=model._meta.label)
    for number, objects in enumerate(batches):
        frozen = [[each.pk if isinstance(each.pk, int) else str(each.pk), ""] for each in objects]
        removal.batches.create(number=number, frozen=frozen)
    return removal


@MAKE
def test_each_key_has_the_drafts_that_contain_it(make: Callable[[], list[Any]]) -> None:
    rows = make()
    first = draft(type(rows[0]), rows[:2], [], rows[3:4])
    second = draft(type(rows[0]), rows[1:3])
    draft(type(rows[0]), rows)  # not among those that are given
    keys = [row.pk for row in rows]
    found = removals_by_key(type(rows[0]), keys, [first.pk, second.pk])
    assert found == {
        keys[0]: {first.pk}, keys[1]: {first.pk, second.pk}, keys[2]: {second.pk},
        keys[3]: {first.pk},
    }  # fmt: skip
    assert removals_by_key(type(rows[0]), keys[4:], [first.pk, second.pk]) == {}


@MAKE
def test_the_condition_excludes_what_the_drafts_contain(make: Callable[[], list[Any]]) -> None:
    rows = make()
    model = type(rows[0])
    drafts = [draft(model, rows[:2], []), draft(model, rows[1:3])]
    draft(model, rows)
    objects = model._default_manager.order_by("pk")
    found = objects.filter(NotInRemovals(model, [each.pk for each in drafts]))
    assert list(found) == rows[3:]
    assert list(objects.filter(pk__in=found.values("pk"))) == rows[3:]
    assert list(objects.exclude(pk__in=found.values("pk"))) == rows[:3]


@MAKE
def test_shared_objects_are_counted(make: Callable[[], list[Any]]) -> None:
    rows = make()
    model = type(rows[0])
    own = draft(model, rows[:3], rows[3:4])
    first, second, third = draft(model, rows[2:5]), draft(model, rows[:1]), draft(model, rows[5:])
    numbers = shared_with_removals(own, [first.pk, second.pk, third.pk])
    assert numbers == {first.pk: 2, second.pk: 1}


def test_keys_of_other_types_in_the_table_do_not_interfere() -> None:
    rows = posts()
    drafts = [draft(Post, rows[:1]), draft(Exhibit, [Exhibit(pk=uuid.uuid4())]),
              draft(Session, [Session(pk="x")])]  # fmt: skip
    numbers = [each.pk for each in drafts]
    assert removals_by_key(Post, [rows[0].pk], numbers[:1]) == {rows[0].pk: {numbers[0]}}
    assert removals_by_key(Post, [rows[0].pk], numbers) == {rows[0].pk: {numbers[0]}}


def test_one_query_finds_all_of_them() -> None:
    rows = posts()
    drafts = [draft(Post, rows[:n]) for n in range(1, 6)]
    with CaptureQueriesContext(connection) as captured:
        removals_by_key(Post, [row.pk for row in rows], [each.pk for each in drafts])
    assert len(captured) == 1
