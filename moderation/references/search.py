"""Find the files that live rows still use, in every file field of every installed model.

Storages are compared by the real location of their files, not by alias, and files by their full
keys. A name in a row counts in any spelling: plain names, and the prefixes that only odd spellings
have (`moderation.storage.spelling`), are both found through the index.
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
from moderation.references.databases import Unreachable, databases_with, look_for_new_tables
from moderation.references.queries import MOST_ODD_NAMES, ChosenColumn, Column, guarded
from moderation.references.wanted import Names, Wanted
from moderation.registry import (
    Registration,
    own_file_fields,
    registration_for,
    storage_alias,
)
from moderation.registry.defaults import fields_with_default
from moderation.storage.base import Adapter
from moderation.storage.resolve import adapter_for, adapter_for_storage, unwrap

Question = tuple[Column, Names]


@dataclass(slots=True)
class Usage:
    """The result of a search: keys with a row that uses them, and keys that may be in use."""

    users: dict[str, str] = dataclass_field(default_factory=dict)
    unknown: dict[str, str] = dataclass_field(default_factory=dict)
    problems: list[str] = dataclass_field(default_factory=list)

    def fail(self, keys: Iterable[str], problem: str) -> None:
        """Record that a model that may use these keys could not be searched."""
        self.problems.append(problem)
        for key in keys:
            self.unknown.setdefault(key, problem)


def find_users(wanted: Wanted) -> Usage:
    """Return the keys that live rows use, and the keys for which this is unknown.

    Runs two indexed queries for each file field that may hold one of them, in each database that
    holds its model. Inside a transaction, an error rolls back a savepoint, not the transaction.
    """
    look_for_new_tables()
    usage = Usage()
    _ask(list(_questions(wanted, usage)), usage)
    usage.users |= _used_as_defaults(wanted)
    return usage


def _questions(wanted: Wanted, usage: Usage) -> Iterator[Question]:
    """Yield each column that may hold one of the keys; record unreachable databases in `usage`."""
    seen: dict[object, Names | None] = {}
    for model, field in file_fields():
        for names, chosen in _names_in(wanted, field, seen):
            for database in databases_with(model):
                if isinstance(database, Unreachable):
                    usage.fail(names.keys, f"{model._meta.label}: {database}")
                elif chosen:
                    yield ChosenColumn(model, field, database, *chosen), names
                else:
                    yield Column(model, field, database), names


def _used_as_defaults(wanted: Wanted) -> dict[str, str]:
    """Return the keys that are a field's default, which any future row may use."""
    found = {}
    for field, defaults in fields_with_default():
        adapter = placed(field)
        if names := _overlapping(wanted, adapter):
            for key in {key for name in defaults for key in names.meant_by(name)}:
                found[key] = f"the default of {field.model._meta.label}.{field.name}"
    return found


def _ask(questions: list[Question], usage: Usage) -> None:
    """Search all columns in one savepoint; after an error, search each one separately."""
    try:
        with guarded(router.db_for_write(AuditEntry)):
            found = [_users_in(column, names, column.holders) for column, names in questions]
    except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
        _raise_what_spoils_all(error)
    else:
        for users in found:
            usage.users = users | usage.users
        return
    for column, names in questions:
        _ask_alone(column, names, usage)


def _ask_alone(column: Column, names: Names, usage: Usage) -> None:
    problem = ""
    for holders in (column.holders, column.names_among):
        try:
            with guarded(column.database):
                usage.users = _users_in(column, names, holders) | usage.users
        except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
            _raise_what_spoils_all(error)
            problem = problem or f"{column.label}: {error}"
        else:
            return
    usage.fail(names.keys, problem)


def _raise_what_spoils_all(error: Exception) -> None:
    """Raise the error again if it broke the transaction in the audit log's database."""
    if connections[router.db_for_write(AuditEntry)].needs_rollback:
        raise error


def _users_in(
    column: Column, names: Names, holders: Callable[[Iterable[str]], dict[str, str]]
) -> dict[str, str]:
    """Return the keys that rows of one column use, each with one row that uses it."""
    found = holders(names.plain.keys())
    if names.odd_beginnings:
        odd = column.beginning_with(names.odd_beginnings)
        found |= holders(names.spelled) if len(odd) > MOST_ODD_NAMES else odd
    return {key: user for name, user in found.items() for key in names.meant_by(name)}


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Yield (model, field) for every file field in the table of every installed model.

    Models that are not registered are included.
    """
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return ((model, field) for model in models for field in own_file_fields(model))


def fields_on(alias: str) -> Iterator[tuple[type[Model], FileField]]:
    """Yield (model, field) for file fields that may hold keys of the storage with this alias."""
    location = adapter_for(alias).real_location()
    for model, field in file_fields():
        registration = registration_for(model)
        adapter = placed(field)
        is_chosen = registration is not None and registration.storage is not None
        if is_chosen or adapter is None or adapter.real_location().overlaps(location):
            yield model, field


def placed(field: FileField) -> Adapter | None:
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


def names_held_by(field: FileField, wanted: Wanted) -> dict[str, set[str]]:
    """Return the names that rows may use for the wanted keys in a field: {name: keys}."""
    held: dict[str, set[str]] = defaultdict(set)
    for names, _chosen in _names_in(wanted, field, {}):
        for name, keys in names.plain.items():
            held[name] |= keys
    return held


def _names_in(
    wanted: Wanted, field: FileField, seen: dict[object, Names | None]
) -> Iterator[tuple[Names, tuple[str, Registration] | None]]:
    """Yield the names that rows of a field may hold, once for each alias that they may choose.

    Each comes with (alias, registration), or with None if the rows do not choose their storage.
    """
    registration = registration_for(field.model)
    if registration is None or registration.storage is None:
        adapter = placed(field)
        storage: object = id(unwrap(field.storage)) if adapter else 0
        if storage not in seen:
            seen[storage] = _overlapping(wanted, adapter)
        if names := seen[storage]:
            yield names, None
        return
    for alias in storages.backends:
        if alias not in seen:
            adapter = _behind(alias)
            seen[alias] = _overlapping(wanted, adapter) if adapter else None
        if names := seen[alias]:
            yield names, (alias, registration)


def _overlapping(wanted: Wanted, adapter: Adapter | None) -> Names | None:
    """Return the names in a storage that refer to a wanted key, or None if there cannot be any."""
    if adapter and not adapter.real_location().overlaps(wanted.location):
        return None
    names = wanted.seen_from(adapter)
    return names if names.plain else None


def _behind(alias: str) -> Adapter | None:
    """Return the adapter of an alias, or None if it cannot be created and so holds no files."""
    try:
        adapter = adapter_for(alias)
        adapter.real_location()
    except Exception:  # noqa: BLE001 - a custom storage may raise anything
        return None
    return adapter
