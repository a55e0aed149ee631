"""Generic relations to rows that nothing else refers to, by integers and by text."""

from __future__ import annotations

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from tests.testapp.storage import attachments


class Note(models.Model):
    """A row without files; its keys are text."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.CharField(max_length=50, db_index=True)
    target = GenericForeignKey()
    text = models.CharField(max_length=50, blank=True)


class Rating(models.Model):
    """A row without files; its keys are integers, smaller ones than those of an article."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveIntegerField()
    target = GenericForeignKey()

    class Meta:
        indexes = (models.Index(fields=["content_type", "object_id"], name="rating_target"),)


class Attachment(models.Model):
    """A row with a file; its keys are text."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.TextField()
    target = GenericForeignKey(for_concrete_model=False)
    file = models.FileField(storage=attachments, blank=True, db_index=True)

    class Meta:
        indexes = (models.Index(fields=["content_type", "object_id"], name="attachment_target"),)


class Article(models.Model):
    """An integer key. The content type of its attachments may be that of a proxy."""

    ratings = GenericRelation(Rating)
    attachments = GenericRelation(Attachment, for_concrete_model=False)


class ArticleProxy(Article):
    """A proxy, which has attachments of its own."""

    class Meta:
        proxy = True


class Section(models.Model):
    """Between an article and a generic relation."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    notes = GenericRelation(Note)


class Parcel(models.Model):
    """A UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    notes = GenericRelation(Note)
    attachments = GenericRelation(Attachment)
