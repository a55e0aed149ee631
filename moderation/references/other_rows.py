"""Find the files that other rows than their owners use, before the owners are deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.files.storage import InvalidStorageError
from django.db.models import Q

from moderation.redaction import clean
from moderation.references.extra_files import NamedFile, RowNames, add_usage_of_extra_files
from moderation.references.queries import IgnoredRows
from moderation.references.search import NONE_IGNORED, Usage, find_usage
from moderation.references.wanted import WantedKeys
from moderation.registry import registration_by_label
from moderation.registry.files import StoredFile, names_of_rows
from moderation.storage.resolve import adapter_for


def usage_by_other_rows(
    files: Collection[StoredFile], *, ignored: IgnoredRows = NONE_IGNORED
) -> dict[str, Usage]:
    """Return the names that rows other than the owners of these files use: {storage: usage}.

    `ignored` are further rows that do not count. The names stand for the keys of `Usage`. Runs the
    queries of `find_usage` for each storage. Saves nothing, unlike `usage_of`.
    """
    owners, names = _owners(files, ignored), _names_by_storage(files)
    row_names = names_of_rows(files) if any(not file.field for file in files) else {}
    return {
        storage: _usage_in(
            storage, names[storage], _row_names_of(storage, files, row_names), owners
        )
        for storage in names
    }


def _usage_in(
    storage: str,
    names: Iterable[str],
    row_names: Mapping[str, RowNames],
    owners: IgnoredRows,
) -> Usage:
    """Return the usage of names in one storage. All are unknown if it cannot be created."""
    usage = Usage()
    try:
        wanted = WantedKeys(adapter_for(storage), [NamedFile(name, name) for name in names])
    except InvalidStorageError:
        return usage
    except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
        usage.fail(names, storage, clean(f"{type(error).__name__}: {error}"))
        return usage
    usage = find_usage(wanted, ignored=owners)
    add_usage_of_extra_files(wanted, row_names, usage, ignored=owners)
    usage.unknown = {name: why for name, why in usage.unknown.items() if name not in usage.users}
    return usage


def _owners(files: Iterable[StoredFile], others: IgnoredRows) -> IgnoredRows:
    """Return the condition for the rows that own files, and for other rows, by their model."""
    keys: dict[str, set[Any]] = defaultdict(set)
    for file in files:
        keys[file.label].add(file.key)
    owners = dict(others)
    for label, owning in keys.items():
        model = registration_by_label(label).model
        owners[model] = Q(pk__any_of=owning) | others.get(model, Q())
    return owners


def _names_by_storage(files: Iterable[StoredFile]) -> dict[str, dict[str, None]]:
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for file in files:
        names[file.storage][file.name] = None
    return names


def _row_names_of(
    storage: str,
    files: Iterable[StoredFile],
    row_names: Mapping[tuple[str, Any], dict[str, list[str]]],
) -> dict[str, dict[str, list[str]]]:
    """Return the names in the fields of the row that owns each extra file in a storage."""
    extra = (file for file in files if not file.field and file.storage == storage)
    return {file.name: row_names.get((file.label, file.key), {}) for file in extra}
