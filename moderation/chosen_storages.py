"""Which storage holds a row's files, where that differs from row to row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

# The name of the column that holds the alias, or a function that takes a page of rows and returns
# for each its alias, or {file field: alias} of those that are not in the field's own storage.
StorageOf = str | Callable[[Sequence[Any]], Sequence[str | Mapping[str, str]]]


def chosen_aliases(
    storage: StorageOf, rows: Sequence[Any], fields: Sequence[str]
) -> list[Mapping[str, str]]:
    """Return for each row {file field: alias}, without the fields that it says nothing of.

    Raises ImproperlyConfigured for an alias that STORAGES does not have.
    """
    if isinstance(storage, str):
        told: Sequence[str | Mapping[str, str]] = [getattr(row, storage) for row in rows]
    else:
        told = storage(rows)
    found: list[Mapping[str, str]] = []
    for row, said in zip(rows, told, strict=True):
        aliases = dict.fromkeys(fields, said) if isinstance(said, str) else said
        if unknown := sorted(set(aliases.values()) - set(storages.backends)):
            raise ImproperlyConfigured(
                f"register({row._meta.label}, storage=…) says {unknown[0]!r} of the row "
                f"{row.pk!r}; STORAGES has {', '.join(sorted(storages.backends))}."
            )
        found.append(aliases)
    return found
