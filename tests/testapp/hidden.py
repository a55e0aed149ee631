"""Rows that a base manager hides, such as a trash or drafts."""

from __future__ import annotations

from typing import Any

from django.db import models

from tests.testapp.storage import attachments


class NotBinned(models.Manager[Any]):
    """A manager that hides rows in the trash."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return the rows that are not in the trash."""
        return super().get_queryset().filter(is_binned=False)


class Binder(models.Model):
    """The parent of such rows, without a constraint in the database."""

    name = models.CharField(max_length=50, blank=True)


class Binned(models.Model):
    """A model of which every manager, including the base manager, hides rows in the trash."""

    binder = models.ForeignKey(
        Binder, on_delete=models.CASCADE, null=True, db_constraint=False, related_name="binned"
    )
    title = models.CharField(max_length=50, blank=True)
    is_binned = models.BooleanField(default=False)
    text = models.FileField(storage=attachments, blank=True, db_index=True)

    objects = NotBinned()

    class Meta:
        base_manager_name = "objects"
        default_manager_name = "objects"


class BinnedPage(Binned):
    """Multi-table inheritance from it."""

    scan = models.FileField(storage=attachments, blank=True, db_index=True)
