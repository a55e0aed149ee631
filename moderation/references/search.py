"""Find the files that live rows still use, in every file field of every installed model.

Storages are compared by the real location of their files, not by alias, and files by their full
keys. A row uses a file however its name is spelled: plain names, and the prefixes that only odd
spellings have (`moderation.storage.spelling`), are both found through the index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db import connections, router
from django.db.models import FileField, Model

from moderation.models import AuditEntry
from moderation.references.databases import (
    UnreachableDatabase,
    databases_with,
    require_current_tables,
)
from moderation.references.queries import (
    MAX_ODD_NAMES,
    Column,
    IgnoredRows,
    StorageColumn,
    ignored_in,
    savepoint,
)
from moderation.references.wanted import WantedKeys, WantedNames
from moderation.registry import (
    Registration,
    own_file_fields,
    registration_for,
    storage_alias,
)
from moderation.registry.defaults import fields_with_default
from moderation.storage.base import Adapter
from moderation.storage.resolve import adapter_for, adapter_for_storage, unwrap

NONE_IGNORED: IgnoredRows = {}
# A column, and the names to search for in it.
Search = tuple[Column, WantedNames]


@dataclass(slots=True)
class Usage:
    """The result of a search: the keys in use, each with a row that uses it, and unknown keys.

    `unknown` has the reason for each key that may be in use, because a source could not be
    searched. A source is a file field, an `extra_files` function or the storage. `problems` has the
    first problem of each source, and `skipped` the sources that cannot use any of the keys.
    """

    users: dict[str, str] = dataclass_field(default_factory=dict)
    unknown: dict[str, str] = dataclass_field(default_factory=dict)
    problems: dict[str, str] = dataclass_field(default_factory=dict)
    skipped: set[str] = dataclass_field(default_factory=set)

    def fail(self, keys: Iterable[str], source: str, problem: str) -> None:
        """Record that a source that may use these keys could not be searched."""
        self.problems.setdefault(source, problem)
        for key in keys:
            self.unknown.setdefault(key, problem)


def find_usage(wanted: WantedKeys, *, ignored: IgnoredRows = NONE_IGNORED) -> Usage:
    """Return the keys that live rows use, and the keys for which this is unknown.

    `ignored` are rows that do not count, such as those that will be deleted. Runs two indexed
    queries (three if many names are spelled oddly) for each file field that may hold one of them,
    in each database that holds its model. Inside a transaction, an error rolls back a savepoint,
    not the transaction.
    """
    require_current_tables()
    usage = Usage()
    _run_all(list(_searches(wanted, usage, ignored)), usage)
    usage.users |= _keys_of_defaults(wanted)
    return usage


def _searches(wanted: WantedKeys, usage: Usage, ignored: IgnoredRows) -> Iterator[Search]:
    """Yield each column that may hold one of the keys.

    Records unreachable databases and skipped fields in `usage`.
    """
    seen: dict[object, WantedNames | None] = {}
    for model, field in file_fields():
        usage.skipped.add(str(field))
        for names, chosen in _names_by_alias(wanted, field, seen):
            usage.skipped.discard(str(field))
            for database in databases_with(model):
                if isinstance(database, UnreachableDatabase):
                    usage.fail(names.keys, str(field), f"{model._meta.label}: {database}")
                    continue
                rows = ignored_in(model, database, ignored)
                if chosen:
                    yield StorageColumn(model, field, database, *chosen, ignored=rows), names
                else:
                    yield Column(model, field, database, ignored=rows), names


def _keys_of_defaults(wanted: WantedKeys) -> dict[str, str]:
    """Return the keys that are a field's default, which any future row may use."""
    found = {}
    for field, defaults in fields_with_default():
        if names := _names_in_storage(wanted, field_adapter(field)):
            for key in {key for name in defaults for key in names.keys_of(name)}:
                found[key] = f"the default of {field.model._meta.label}.{field.name}"
    return found


def _run_all(searches: list[Search], usage: Usage) -> None:
    """Search all columns in one savepoint; after an error, search each one separately."""
    try:
        with savepoint(router.db_for_write(AuditEntry)):
            found = [_used_keys(column, names, column.find) for column, names in searches]
    except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
        _raise_if_transaction_broken(error)
    else:
        for users in found:
            usage.users = users | usage.users
        return
    for column, names in searches:
        _run_one(column, names, usage)


def _run_one(column: Column, names: WantedNames, usage: Usage) -> None:
    """Search one column; after an error, search it without its primary key.

    If rows choose their storage, the site's function may have failed for one of them. Then the
    names are halved to find it, so that no other keys wait.
    """
    problem = ""
    for find in (column.find, column.find_without_keys):
        try:
            with savepoint(column.database):
                usage.users = _used_keys(column, names, find) | usage.users
        except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
            _raise_if_transaction_broken(error)
            problem = problem or f"{column.label}: {error}"
        else:
            return
    halves = names.halves() if isinstance(column, StorageColumn) else []
    for half in halves:
        _run_one(column, half, usage)
    if not halves:
        usage.fail(names.keys, str(column.field), problem)


def _raise_if_transaction_broken(error: Exception) -> None:
    """Raise the error again if the transaction in the audit log's database cannot continue."""
    if connections[router.db_for_write(AuditEntry)].needs_rollback:
        raise error


def _used_keys(
    column: Column, names: WantedNames, find: Callable[[Iterable[str]], dict[str, str]]
) -> dict[str, str]:
    """Return the keys that rows of one column use, each with one row that uses it."""
    found = find(names.plain.keys())
    if names.odd_prefixes:
        odd = column.find_by_prefix(names.odd_prefixes)
        found |= find(names.odd) if len(odd) > MAX_ODD_NAMES else odd
    return {key: user for name, user in found.items() for key in names.keys_of(name)}


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Yield (model, field) for every file field in the table of every installed model.

    Models that are not registered are included.
    """
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return ((model, field) for model in models for field in own_file_fields(model))


def fields_in_storage(alias: str) -> Iterator[tuple[type[Model], FileField]]:
    """Yield (model, field) for file fields that may hold keys of the storage with this alias."""
    location = adapter_for(alias).real_location()
    for model, field in file_fields():
        registration = registration_for(model)
        adapter = field_adapter(field)
        is_chosen = registration is not None and registration.storage is not None
        if is_chosen or adapter is None or adapter.real_location().overlaps(location):
            yield model, field


def field_adapter(field: FileField) -> Adapter | None:
    """Return the adapter of a field's storage, or None if the location of its files is unknown.

    The location is known if the adapter knows it, as for folders and S3, and for storages in
    STORAGES.
    """
    try:
        adapter = adapter_for_storage(field.storage)
        if adapter.real_location().backend:
            storage_alias(field)
    except ImproperlyConfigured:
        return None
    except Exception:  # noqa: BLE001 - the storage cannot be created; a check reports it
        return None
    return adapter


def names_in_field(field: FileField, wanted: WantedKeys) -> dict[str, set[str]]:
    """Return the names that rows may have for the wanted keys in a field: {name: keys}."""
    found: dict[str, set[str]] = defaultdict(set)
    for names, _chosen in _names_by_alias(wanted, field, {}):
        for name, keys in names.plain.items():
            found[name] |= keys
    return found


def _names_by_alias(
    wanted: WantedKeys, field: FileField, seen: dict[object, WantedNames | None]
) -> Iterator[tuple[WantedNames, tuple[str, Registration] | None]]:
    """Yield the names that rows of a field may hold, once for each alias that they may choose.

    Each comes with (alias, registration), or with None if the rows do not choose their storage.
    """
    registration = registration_for(field.model)
    if registration is None or registration.storage is None:
        adapter = field_adapter(field)
        storage: object = id(unwrap(field.storage)) if adapter else 0
        if storage not in seen:
            seen[storage] = _names_in_storage(wanted, adapter)
        if names := seen[storage]:
            yield names, None
        return
    for alias in storages.backends:
        if alias not in seen:
            adapter = _alias_adapter(alias)
            seen[alias] = _names_in_storage(wanted, adapter) if adapter else None
        if names := seen[alias]:
            yield names, (alias, registration)


def _names_in_storage(wanted: WantedKeys, adapter: Adapter | None) -> WantedNames | None:
    """Return the names in a storage that may refer to a wanted key, or None if no name can."""
    if adapter and not adapter.real_location().overlaps(wanted.location):
        return None
    names = wanted.names_in(adapter)
    return names if names.plain else None


def _alias_adapter(alias: str) -> Adapter | None:
    """Return the adapter of an alias, or None if its storage cannot be created."""
    try:
        adapter = adapter_for(alias)
        adapter.real_location()
    except Exception:  # noqa: BLE001 - a custom storage may raise anything
        return None
    return adapter
