"""Unregistered models whose rows may use a file nevertheless."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.fields.files import FieldFile

from tests.testapp.storage import attachments


class NotHidden(models.Manager[Any]):
    """A manager that hides rows, as for a trash."""

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
    """A custom FieldFile class."""


class ScanField(models.FileField):
    """A custom FileField class."""

    attr_class = ScanFile


class Printed(models.Model):
    """An abstract parent with the file field."""

    sheet = models.FileField(storage=attachments, blank=True, db_index=True)

    class Meta:
        abstract = True


class Flyer(Printed):
    """A model whose base manager hides rows."""

    is_hidden = models.BooleanField(default=False)
    objects = NotHidden()

    class Meta:
        base_manager_name = "objects"


class LargeFlyer(Flyer):
    """A child model in multi-table inheritance with its own picture."""

    back = models.ImageField(storage=attachments, blank=True, db_index=True)


class Leaflet(models.Model):
    """A model whose base manager has an aggregate."""

    scan = ScanField(storage=attachments, blank=True, db_index=True)
    objects = WithCopies()

    class Meta:
        base_manager_name = "objects"


class Copy(models.Model):
    """A model with a composite primary key."""

    pk = models.CompositePrimaryKey("leaflet_id", "number")
    leaflet = models.ForeignKey(Leaflet, on_delete=models.CASCADE)
    number = models.IntegerField()
    scan = models.FileField(storage=attachments, blank=True, db_index=True)


class Clipping(models.Model):
    """An unmanaged model whose table does not exist."""

    scan = models.FileField(storage=attachments, blank=True, db_index=True)

    class Meta:
        managed = False
