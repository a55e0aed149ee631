"""Find the adapter for a storage."""

from __future__ import annotations

from django.core.files.storage import FileSystemStorage, Storage, storages

from moderation.storage.base import Adapter


def adapter_for(alias: str) -> Adapter:
    """Return a new adapter of the storage behind an alias of STORAGES, for one claim or so.

    Raises InvalidStorageError (Django's) for an unknown alias. No network.
    """
    return adapter_of(storages[alias])


def adapter_of(storage: Storage) -> Adapter:
    """Return the adapter of a storage, whether or not it is in STORAGES. No network."""
    if isinstance(storage, FileSystemStorage):
        from moderation.storage.filesystem import FileSystemAdapter  # noqa: PLC0415 - imported when needed

        return FileSystemAdapter(storage)
    if _is_s3(storage):
        from moderation.storage.s3 import S3Adapter  # noqa: PLC0415 - needs boto3

        return S3Adapter(storage)
    from moderation.storage.generic import GenericAdapter  # noqa: PLC0415 - imported when needed

    return GenericAdapter(storage)


def _is_s3(storage: Storage) -> bool:
    """Compare the names of the classes, so that a site without S3 does not need boto3."""
    names = {f"{c.__module__}.{c.__qualname__}" for c in type(storage).__mro__}
    return "storages.backends.s3.S3Storage" in names
