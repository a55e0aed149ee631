"""The file fields of a model, and the storages that they write to."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db.models import FileField, Model

from moderation.registry.caches import cached_per_models
from moderation.storage.resolve import unwrap


def concrete(model: type[Model]) -> type[Model]:
    """Return the model whose table a proxy uses, or the model itself."""
    return model._meta.concrete_model or model


@cached_per_models
def own_file_fields(model: type[Model]) -> tuple[FileField, ...]:
    """Return the file fields of the model's own table, in the order of their declaration."""
    return tuple(f for f in concrete(model)._meta.local_fields if isinstance(f, FileField))


def storage_alias(field: FileField) -> str:
    """Return the alias in STORAGES of the storage that a file field writes to.

    Raises ImproperlyConfigured if there is none, because a purge could not find the storage again.
    """
    wanted = unwrap(field.storage)
    for alias in storages.backends:
        if _are_equal(unwrap(storages[alias]), wanted):
            return alias
    raise ImproperlyConfigured(
        f"The storage of {field} is not in STORAGES. Give it an alias there and use "
        f"storage=storages[alias], so that a purge can find the storage again."
    )


def storage_aliases(models: Iterable[type[Model]]) -> set[str]:
    """Return the aliases of the storages that the file fields of models write to.

    Omits storages without an alias, which the system check E001 reports.
    """
    aliases = set()
    for field in (field for model in models for field in own_file_fields(model)):
        with suppress(ImproperlyConfigured):
            aliases.add(storage_alias(field))
    return aliases


def _are_equal(one: Any, other: Any) -> bool:
    """Return whether two storage objects are identical or were created with equal arguments."""
    if one is other:
        return True
    if type(one) is not type(other) or not hasattr(one, "deconstruct"):
        return False
    return bool(one.deconstruct() == other.deconstruct())
