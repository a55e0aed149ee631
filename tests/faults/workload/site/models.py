"""Rows that own files, and rows that only name those of others."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.storage import Storage
from django.db import models
from django.utils.module_loading import import_string

from tests.faults.workload.site import DEFAULT_BADGE

# For each backend, an option that changes its URLs but not its location.
OTHER_ADDRESSES: dict[str, dict[str, Any]] = {
    "django.core.files.storage.FileSystemStorage": {"base_url": "/elsewhere/"},
    "storages.backends.s3.S3Storage": {"querystring_expire": 60},
}


def same_storage() -> Storage:
    """Return a separate storage object with the location of the default storage."""
    default = settings.STORAGES["default"]
    options = default["OPTIONS"] | OTHER_ADDRESSES[default["BACKEND"]]
    made: Storage = import_string(default["BACKEND"])(**options)
    return made


class Folder(models.Model):
    """The parent of documents, as a post is of its pictures."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=50)


class Leaf(models.Model):
    """An item in a folder with a file, whose name is reused once it is free."""

    folder = models.ForeignKey(Folder, on_delete=models.CASCADE)
    note = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Document(Leaf):
    """A plain model with a file."""

    file = models.FileField(upload_to="documents", blank=True, db_index=True)


class Photo(Leaf):
    """A model whose file has a smaller version, which no field names."""

    file = models.FileField(upload_to="photos", db_index=True)


class Badge(Leaf):
    """A model whose rows share a default file unless they have their own."""

    file = models.FileField(upload_to="badges", default=DEFAULT_BADGE, db_index=True)


class VisibleManager(models.Manager):
    """A manager that hides rows in the trash."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return the rows that are not in the trash."""
        return super().get_queryset().filter(binned=False)


class Sheet(models.Model):
    """A model whose base manager hides rows. No cascade leads to it, since it would miss them."""

    file = models.FileField(upload_to="sheets", db_index=True)
    note = models.IntegerField(default=0)
    binned = models.BooleanField(default=False)

    objects = VisibleManager()

    class Meta:
        base_manager_name = "objects"


class Clipping(models.Model):
    """An unregistered model that names files of registered rows through its own storage object."""

    file = models.FileField(storage=same_storage, blank=True, db_index=True)


class Quote(models.Model):
    """An unregistered model that names files of registered rows in another spelling."""

    file = models.FileField(blank=True, db_index=True)
