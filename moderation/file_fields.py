"""The file fields of a model, and the storages that they write to."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages
from django.db.models import FileField, Model
from django.utils.functional import LazyObject


def concrete(model: type[Model]) -> type[Model]:
    """Return the model with the table that a proxy stands for."""
    return model._meta.concrete_model or model


@cache
def own_file_fields(model: type[Model]) -> tuple[FileField, ...]:
    """The file fields of the model's own table, in the order of their declaration."""
    return tuple(f for f in concrete(model)._meta.local_fields if isinstance(f, FileField))


def storage_alias(field: FileField) -> str:
    """The alias in STORAGES of the storage that a file field writes to.

    Raises ImproperlyConfigured where it is none of them: a purge could not find it again.
    """
    wanted = unwrapped(field.storage)
    for alias in storages.backends:
        if _is_same(unwrapped(storages[alias]), wanted):
            return alias
    raise ImproperlyConfigured(
        f"{field}: its storage is not in STORAGES. Give it an alias there and use "
        f"storage=storages[alias], so that a purge can find it again."
    )


def unwrapped(storage: Storage) -> Any:
    """Return the storage itself where it is wrapped, as the default one is.

    Raises what it raises when it cannot be made.
    """
    if isinstance(storage, LazyObject):
        bool(storage)  # DefaultStorage makes its storage at the first touch
        return storage.__dict__["_wrapped"]
    return storage


def _is_same(one: Any, other: Any) -> bool:
    """Whether two storage objects are one, or were made alike: both write to the same place."""
    if one is other:
        return True
    if type(one) is not type(other) or not hasattr(one, "deconstruct"):
        return False
    return bool(one.deconstruct() == other.deconstruct())
