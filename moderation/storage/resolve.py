"""Find the adapter for a storage, by the storage's class."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.functional import LazyObject
from django.utils.module_loading import import_string

from moderation.storage.base import Adapter
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.generic import GenericAdapter

# A class, which is called with the storage.
AdapterClass = Callable[[Any], Adapter]

_registered: list[tuple[type[Storage] | str, AdapterClass | str]] = []


def register_adapter(storage: type[Storage] | str, adapter: AdapterClass | str) -> None:
    """Use an adapter for the storages of a class and of its subclasses.

    The registration of the most specific class wins, and among those of one class the last. Both
    arguments are classes or their dotted paths. A path is not imported before a storage of the
    class exists. Call it in an app's module `moderation`. A system check reports invalid
    registrations.
    """
    _registered.append((storage, adapter))


def registered_adapters() -> list[tuple[type[Storage] | str, AdapterClass | str]]:
    """Return all registrations, in the order in which they were made."""
    return list(_registered)


def adapter_for(alias: str) -> Adapter:
    """Return a new adapter of the storage behind an alias of STORAGES, for one claim or so.

    Raises InvalidStorageError (Django's) for an unknown alias. No network.
    """
    return adapter_for_storage(storages[alias])


def adapter_for_storage(storage: Storage) -> Adapter:
    """Return a new adapter of a storage, whether or not it is in STORAGES. No network.

    Raises TypeError for an object that is not a Storage of Django.
    """
    storage = unwrap(storage)
    return _adapter_class(type(storage))(storage)


def unwrap(storage: Storage) -> Any:
    """Return the storage behind the lazy wrapper that the default storage has.

    Raises the storage's own exception if it cannot be created.
    """
    if isinstance(storage, LazyObject):
        bool(storage)  # DefaultStorage creates its storage on first access
        return storage.__dict__["_wrapped"]
    return storage


def imported_class(storage: type[Storage] | str) -> Any:
    """Return the class at a dotted path, or None if its module has not been imported.

    There are no storages of a class that has not been imported.
    """
    if not isinstance(storage, str):
        return storage
    module, _, name = storage.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def _adapter_class(storage_class: type) -> AdapterClass:
    adapters = {imported_class(storage): adapter for storage, adapter in _registered}
    for parent in storage_class.__mro__:
        if adapter := adapters.get(parent):
            return import_string(adapter) if isinstance(adapter, str) else adapter
    raise TypeError(f"{storage_class.__qualname__} does not extend Django's Storage.")


register_adapter(Storage, GenericAdapter)
register_adapter(FileSystemStorage, FileSystemAdapter)
register_adapter("storages.backends.s3.S3Storage", "moderation.storage.s3.S3Adapter")
