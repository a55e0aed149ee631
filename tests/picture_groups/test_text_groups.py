"""Objects without pictures in groups of similar texts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.picture_groups import similar_texts
from moderation.picture_groups.text_groups import (
    TEXT_LENGTH,
    TextGroup,
    can_group,
    group_like,
    group_of,
    reported_keys,
    text_groups,
)
from posts.models import Post, PostImage, Report
from tests.picture_groups.test_similar_texts import GOOD, SPAM
from tests.testapp.models import Exhibit

pytestmark = pytest.mark.django_db


def make_post(text: str, author: str = "spammer", title: str = "Hello") -> Post:
    user, _ = User.objects.get_or_create(username=author)
    return Post.objects.create(author=user, title=title, body=text)


def keys_of_all() -> Any:
    return Post.objects.values("pk")


def test_groups_of_similar_texts_are_the_rarest_first() -> None:
    spam = [make_post(SPAM, author) for author in ("one", "two", "two")]
    good = make_post(GOOD)
    with CaptureQueriesContext(connection) as captured:
        groups = text_groups(Post, keys_of_all())
    assert groups == [
        TextGroup(keys=(good.pk,), owners=1),
        TextGroup(keys=tuple(post.pk for post in spam), owners=2),
    ]
    assert len(captured) == 1


def test_the_title_is_a_part_of_the_text() -> None:
    for title in ("Cheap pills", "Cheap pills", "Cheap watches"):
        make_post("Look", title=title)
    assert [len(group.keys) for group in text_groups(Post, keys_of_all())] == [1, 2]


def test_only_the_beginning_of_a_text_is_read() -> None:
    beginning = (GOOD * 10)[:TEXT_LENGTH]
    make_post(beginning)
    make_post(beginning + SPAM * 50)
    assert [len(group.keys) for group in text_groups(Post, keys_of_all())] == [2]


def test_a_group_is_found_by_each_of_its_keys() -> None:
    first, second, other = make_post(SPAM), make_post(SPAM), make_post(GOOD)
    groups = text_groups(Post, keys_of_all())
    for post in (first, second):
        group = group_of(groups, str(post.pk))
        assert group
        assert group.keys == (first.pk, second.pk)
    assert group_of(groups, str(other.pk)) == TextGroup((other.pk,), 1)
    assert group_of(groups, "x") is None


def test_a_group_is_found_by_an_object_outside_the_selection() -> None:
    kept, second, third = (make_post(SPAM, author) for author in ("one", "two", "three"))
    other = make_post(GOOD)
    selected = Post.objects.exclude(pk__in=[kept.pk, other.pk]).values("pk")
    assert group_like(kept.pk, Post, selected) == TextGroup((second.pk, third.pk), 2)
    assert group_like(other.pk, Post, selected) is None
    assert group_like(0, Post, selected) is None


def test_objects_with_reports_are_named() -> None:
    posts = [make_post(SPAM) for _ in range(3)]
    for reporter in ("a", "b"):
        Report.objects.create(post=posts[1], reporter=User.objects.create_user(reporter))
    keys = [post.pk for post in posts]
    assert reported_keys(Post, keys) == {posts[1].pk}
    assert reported_keys(Post, keys[:1]) == set()
    assert reported_keys(Exhibit, keys) == set()


def test_a_model_without_text_cannot_be_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_group(Post)
    assert not can_group(Exhibit)
    monkeypatch.setattr(similar_texts, "RMinHash", None)
    assert not can_group(Post)


def test_only_selected_posts_without_pictures_are_grouped() -> None:
    without, with_picture, with_thumbnail, _other = (make_post(GOOD) for _ in range(4))
    for post, name in ((with_picture, "a.jpg"), (with_thumbnail, "")):
        image = PostImage(post=post, image=name, thumbnail="a.webp", size=1, width=1, height=1)
        PostImage.objects.bulk_create([image])
    selected = [without.pk, with_picture.pk, with_thumbnail.pk]
    assert text_groups(Post, selected) == [TextGroup((without.pk, with_thumbnail.pk), 1)]
