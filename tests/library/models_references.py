"""Models that nobody registered, and whose rows may use a file all the same."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.fields.files import FieldFile

from tests.library.storage import attachments


class NotHidden(models.Manager[Any]):
    """A manager that hides rows, as a recycle bin does."""

    def get_queryset(self) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset()
        return rows.filter(is_hidden=False)


class WithCopies(models.Manager[Any]):
    """A manager with an aggregate, whose rows cannot be made distinct by a column."""

    def get_queryset(self) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset()
        counted: models.QuerySet[Any] = rows.annotate(copies=models.Count("copy"))
        return counted


class ScanFile(FieldFile):
    """A file of another class than Django's."""


class ScanField(models.FileField):
    """A field of another class than Django's."""

    attr_class = ScanFile


class Printed(models.Model):
    """An abstract parent that brings the file along."""

    sheet = models.FileField(storage=attachments, blank=True, db_index=True)

    class Meta:
        abstract = True


class Flyer(Printed):
    """Its base manager hides rows."""

    is_hidden = models.BooleanField(default=False)
    objects = NotHidden()

    class Meta:
        base_manager_name = "objects"


class LargeFlyer(Flyer):
    """Multi-table inheritance with a picture of its own."""

    back = models.ImageField(storage=attachments, blank=True, db_index=True)


class Leaflet(models.Model):
    """Its base manager counts."""

    scan = ScanField(storage=attachments, blank=True, db_index=True)
    objects = WithCopies()

    class Meta:
        base_manager_name = "objects"


class Copy(models.Model):
    """A composite primary key."""

    pk = models.CompositePrimaryKey("leaflet_id", "number")
    leaflet = models.ForeignKey(Leaflet, on_delete=models.CASCADE)
    number = models.IntegerField()
    scan = models.FileField(storage=attachments, blank=True, db_index=True)


class Clipping(models.Model):
    """A table of somebody else's, which is not there."""

    scan = models.FileField(storage=attachments, blank=True, db_index=True)

    class Meta:
        managed = False
