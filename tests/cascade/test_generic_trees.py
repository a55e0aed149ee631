"""Which generic relations are part of a tree, and which are left to the walk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.test.utils import isolate_apps

from moderation.cascade.tree import branches_of


class CodedText(models.TextField):
    """Another text in the database than outside."""

    def get_prep_value(self, value: Any) -> Any:
        return f"X{value}"


INTEGER, TEXT, UUID_FIELD = models.IntegerField, models.TextField, models.UUIDField


@pytest.mark.parametrize(
    ("key", "column", "is_tree"),
    [(INTEGER, models.SmallIntegerField, True), (INTEGER, models.PositiveBigIntegerField, True),
     (INTEGER, TEXT, True), (UUID_FIELD, TEXT, True), (UUID_FIELD, UUID_FIELD, True),
     (UUID_FIELD, INTEGER, False), (INTEGER, UUID_FIELD, False), (INTEGER, CodedText, False),
     (INTEGER, models.FloatField, False)],
)  # fmt: skip
@isolate_apps("tests.testapp")
def test_only_columns_that_hold_the_key_are_joined(
    key: Callable[..., Any], column: Callable[..., Any], is_tree: bool
) -> None:
    class Reply(models.Model):
        content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
        object_id = column(db_index=True)
        target = GenericForeignKey()

        class Meta:
            app_label = "library"

    class Topic(models.Model):
        id = key(primary_key=True)
        replies = GenericRelation(Reply)

        class Meta:
            app_label = "library"

    assert (branches_of(Topic) is not None) is is_tree


@pytest.mark.parametrize(
    ("options", "is_tree"),
    [({}, False),
     ({"indexes": [models.Index(fields=["-object_id"], name="one")]}, True),
     ({"indexes": [models.Index(fields=["content_type", "object_id"], name="two")]}, True),
     ({"indexes": [models.Index(fields=["content_type", "id", "object_id"], name="no")]}, False),
     ({"indexes": [models.Index("object_id", name="by_expression")]}, False),
     ({"indexes": [models.Index(fields=["object_id"], name="partial",
                                condition=models.Q(id__gt=0))]}, False),
     ({"unique_together": {("object_id", "content_type")}}, True),
     ({"constraints": [models.UniqueConstraint(
         fields=["content_type", "object_id", "id"], name="three")]}, True),
     ({"constraints": [models.CheckConstraint(condition=models.Q(id__gt=0), name="check")]}, False),
    ],
)  # fmt: skip
@isolate_apps("tests.testapp")
def test_only_a_relation_with_an_index_is_joined(options: dict[str, Any], is_tree: bool) -> None:
    class Reply(models.Model):
        content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
        object_id = models.IntegerField()
        target = GenericForeignKey()

        Meta = type("Meta", (), {"app_label": "library", **options})

    class Topic(models.Model):
        replies = GenericRelation(Reply)

        class Meta:
            app_label = "library"

    assert (branches_of(Topic) is not None) is is_tree


@isolate_apps("tests.testapp")
def test_generic_relation_to_rows_with_dependents_is_left_to_the_walk() -> None:
    class Reply(models.Model):
        content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
        object_id = models.TextField(db_index=True)
        target = GenericForeignKey()

        class Meta:
            app_label = "library"

    class ReplyLine(models.Model):
        reply = models.ForeignKey(Reply, on_delete=models.CASCADE)

        class Meta:
            app_label = "library"

    class Topic(models.Model):
        replies = GenericRelation(Reply)

        class Meta:
            app_label = "library"

    assert branches_of(Topic) is None
