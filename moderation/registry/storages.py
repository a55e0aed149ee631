"""Find the storage of a row's files, for models where it differs from row to row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

# The name of the column that holds the alias, or a function that takes a page of rows. For each row
# it returns an alias, or {file field: alias} for the fields that do not use their own storage.
StorageOf = str | Callable[[Sequence[Any]], Sequence[str | Mapping[str, str]]]


def chosen_aliases(
    storage: StorageOf, rows: Sequence[Any], fields: Sequence[str]
) -> list[Mapping[str, str]]:
    """Return {file field: alias} for each row, without fields that use their own storage.

    Raises ImproperlyConfigured for an alias that is not in STORAGES.
    """
    if isinstance(storage, str):
        chosen: Sequence[str | Mapping[str, str]] = [getattr(row, storage) for row in rows]
    else:
        chosen = storage(rows)
    found: list[Mapping[str, str]] = []
    for row, choice in zip(rows, chosen, strict=True):
        aliases = dict.fromkeys(fields, choice) if isinstance(choice, str) else choice
        if unknown := sorted(set(aliases.values()) - set(storages.backends)):
            raise ImproperlyConfigured(
                f"register({row._meta.label}, storage=…) returned {unknown[0]!r} for {row.pk!r}. "
                f"Use one of {', '.join(sorted(storages.backends))}, or add it to STORAGES."
            )
        found.append(aliases)
    return found
