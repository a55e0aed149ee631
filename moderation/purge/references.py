"""Find the files that live rows still use, in every file field of every installed model.

Storages are compared by the real location of their files, not by alias, and files by their full
keys. A name in a row counts in any spelling: both plain names and the prefixes that only odd
spellings have (`moderation.storage.spelling`) are found through the index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Protocol

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.models import FileField, Model

from moderation.models import AuditEntry
from moderation.purge.databases import Unreachable, databases_with
from moderation.purge.questions import MOST_ODD_NAMES, Column, guarded
from moderation.registry import own_file_fields, storage_alias, unwrapped
from moderation.storage.adapter import Adapter
from moderation.storage.choice import adapter_for, adapter_of
from moderation.storage.location import directories
from moderation.storage.other import OtherAdapter

# The most directories whose odd spellings are searched for, the shortest first. Each adds a few
# conditions to a query. Keys in folders by month need a dozen.
MOST_DIRECTORIES = 32

Question = tuple[Column, "Names"]


class Asked(Protocol):
    """An audit entry, or some columns of one, whose key is searched for."""

    @property
    def key(self) -> str:
        """Return the entry's key."""

    @property
    def name(self) -> str:
        """Return the name by which its storage knows it."""


@dataclass(slots=True)
class Usage:
    """The result of a search: keys with a row that uses them, and keys with an unknown result."""

    users: dict[str, str] = dataclass_field(default_factory=dict)
    unknown: dict[str, str] = dataclass_field(default_factory=dict)
    problems: list[str] = dataclass_field(default_factory=list)

    def fail(self, keys: Iterable[str], problem: str) -> None:
        """Record that a model that may use these keys could not be searched."""
        self.problems.append(problem)
        for key in keys:
            self.unknown.setdefault(key, problem)


class Wanted:
    """The keys of a storage that are searched for, by their full keys."""

    def __init__(self, adapter: Adapter, entries: Iterable[Asked]) -> None:
        self.adapter = adapter
        self.location = adapter.real_location()
        self.entries = list(entries)
        self.keys: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            try:
                self.keys[adapter.full_key(entry.name)].add(entry.key)
            except ValueError:  # the storage does not accept the name; the purge reports it
                continue

    def seen_from(self, adapter: Adapter | None) -> Names:
        """Return the names that a field with this storage, or an unknown one, would use."""
        location = adapter.real_location() if adapter else self.location
        named = ((location.name_of(full), keys) for full, keys in self.keys.items())
        names = {name: keys for name, keys in named if name}
        if adapter is None or location == self.location:
            raw: dict[str, set[str]] = defaultdict(set)
            for entry in self.entries:
                if entry.name not in names:  # else the plain name, which has the key
                    raw[entry.name].add(entry.key)
            names |= raw
        return Names(self, adapter, names)


class Names:
    """The wanted keys as the fields of one storage name them."""

    def __init__(
        self, wanted: Wanted, adapter: Adapter | None, names: Mapping[str, set[str]]
    ) -> None:
        self.wanted, self.adapter, self.plain = wanted, adapter, names

    @property
    def keys(self) -> set[str]:
        """Return the entries' keys that such a field could hold."""
        return set().union(*self.plain.values())

    @cached_property
    def odd_beginnings(self) -> tuple[str, ...]:
        """Return the prefixes of odd names that may mean one of the keys."""
        if self.adapter is None:
            return ()
        chosen = sorted(directories(set(self.plain)), key=len)[:MOST_DIRECTORIES]
        return tuple(odd for each in chosen for odd in self.adapter.odd_beginnings(each))

    @cached_property
    def spelled(self) -> set[str]:
        """Return the odd spellings that a site may use throughout."""
        spelled = self.adapter.spelled if self.adapter else tuple
        return {odd for name in self.plain for odd in spelled(name)}

    def meant_by(self, name: str) -> set[str]:
        """Return the keys that a row's name means in the field's own storage."""
        if self.adapter is None:
            return self.plain.get(name, set())
        try:
            return self.wanted.keys.get(self.adapter.full_key(name), set())
        except ValueError:
            return set()


def find_users(wanted: Wanted) -> Usage:
    """Return the keys that live rows use, and the keys for which this is unknown.

    Runs two indexed queries for each file field that may hold one of them, in each database that
    holds its model. Inside a transaction, an error rolls back a savepoint, not the transaction.
    """
    usage = Usage()
    questions: list[Question] = []
    seen: dict[int, Names | None] = {}
    for model, field in file_fields():
        names = _names_for(wanted, field, seen)
        if names is None or not names.plain:
            continue
        for database in databases_with(model):
            if isinstance(database, Unreachable):
                usage.fail(names.keys, f"{model._meta.label}: {database}")
            else:
                questions.append((Column(model, field, database), names))
    _ask(questions, usage)
    return usage


def _ask(questions: list[Question], usage: Usage) -> None:
    """Search all columns in one savepoint; after an error, each one alone."""
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
        except Exception as error:  # noqa: BLE001 - as above
            _raise_what_spoils_all(error)
            problem = problem or f"{column.label}: {error}"
        else:
            return
    usage.fail(names.keys, problem)


def _raise_what_spoils_all(error: Exception) -> None:
    """Raise the error again if it broke the audit log's own transaction."""
    if connections[router.db_for_write(AuditEntry)].needs_rollback:
        raise error


def _users_in(
    column: Column, names: Names, holders: Callable[[Iterable[str]], dict[str, str]]
) -> dict[str, str]:
    """Return the keys that rows of one column use, each with one such row."""
    found = holders(names.plain.keys())
    if names.odd_beginnings:
        odd = column.beginning_with(names.odd_beginnings)
        found |= holders(names.spelled) if len(odd) > MOST_ODD_NAMES else odd
    return {key: user for name, user in found.items() for key in names.meant_by(name)}


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Yield every file field of every installed model, registered or not, with its own table."""
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return ((model, field) for model in models for field in own_file_fields(model))


def fields_on(alias: str) -> Iterator[tuple[type[Model], FileField]]:
    """Yield the file fields that may hold keys of the storage with this alias."""
    location = adapter_for(alias).real_location()
    for model, field in file_fields():
        adapter = placed(field)
        if adapter is None or adapter.real_location().overlaps(location):
            yield model, field


def placed(field: FileField) -> Adapter | None:
    """Return the adapter of a field's storage, or None if the location of its files is unknown.

    The location is known for folders, S3, and storages in STORAGES.
    """
    try:
        adapter = adapter_of(unwrapped(field.storage))
        adapter.real_location()
        if type(adapter) is OtherAdapter:
            storage_alias(field)
    except ImproperlyConfigured:
        return None
    except Exception:  # noqa: BLE001 - the storage cannot be created; a check names it
        return None
    return adapter


def _names_for(wanted: Wanted, field: FileField, seen: dict[int, Names | None]) -> Names | None:
    adapter = placed(field)
    storage = id(unwrapped(field.storage)) if adapter else 0
    if storage not in seen:
        reachable = adapter is None or adapter.real_location().overlaps(wanted.location)
        seen[storage] = wanted.seen_from(adapter) if reachable else None
    return seen[storage]
