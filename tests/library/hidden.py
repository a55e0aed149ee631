"""Rows that a base manager hides, as bins and drafts do."""

from __future__ import annotations

from typing import Any

from django.db import models

from tests.library.storage import attachments


class NotBinned(models.Manager[Any]):
    """Leaves out what lies in the bin."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """The rows that are not in the bin."""
        return super().get_queryset().filter(is_binned=False)


class Binder(models.Model):
    """What such rows belong to, without a constraint in the database."""

    name = models.CharField(max_length=50, blank=True)


class Binned(models.Model):
    """Every manager, the base manager too, hides the rows in the bin."""

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
