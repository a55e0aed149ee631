"""The frozen keys of a draft in a table are those in its batches."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models

from moderation.models import Removal, key_table
from moderation.removals.freeze import freeze
from posts.models import Post
from tests.helpers import CODES
from tests.testapp.models import Exhibit

pytestmark = pytest.mark.django_db


def draft_of(queryset: models.QuerySet[Any], moderator: User) -> Removal:
    return freeze(queryset, actor=moderator, permissions=CODES)


def found(removal: Removal, model: type[models.Model]) -> set[models.Model]:
    with key_table(removal, model) as keys:
        return set(model._default_manager.filter(pk__in=keys))


def make_posts(number: int, moderator: User) -> list[Post]:
    return Post.objects.bulk_create(Post(author=moderator, title="Title") for _ in range(number))


def test_it_has_the_keys_of_all_batches(moderator: User, settings: Any) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = make_posts(6, moderator)
    removal = draft_of(Post.objects.filter(pk__lt=posts[5].pk), moderator)
    assert found(removal, Post) == set(posts[:5])
    assert found(removal, Post) == set(posts[:5])  # a second time in the same transaction


def test_keys_may_be_uuids(moderator: User) -> None:
    chosen, _other = Exhibit.objects.create(), Exhibit.objects.create()
    removal = draft_of(Exhibit.objects.filter(pk=chosen.pk), moderator)
    assert found(removal, Exhibit) == {chosen}


def test_it_needs_no_permission_to_create_tables(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2, moderator)
    removal = draft_of(Post.objects.filter(pk=posts[0].pk), moderator)
    monkeypatch.setattr(
        "moderation.models.temporary_keys._may_create_table", lambda _connection: False
    )
    assert found(removal, Post) == {posts[0]}


def test_an_error_in_the_block_leaves_no_table(moderator: User) -> None:
    posts = make_posts(2, moderator)
    removal = draft_of(Post.objects.filter(pk=posts[0].pk), moderator)
    with pytest.raises(ZeroDivisionError), key_table(removal, Post):
        raise ZeroDivisionError
    assert found(removal, Post) == {posts[0]}
