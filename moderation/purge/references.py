"""Which files a live row still uses: asked of every file field of every installed model.

Storages are compared by where their files really are, not by alias, and files by their full keys.
A row's name counts however it is spelled: plain names are looked up by the index, and so are the
beginnings that only odd spellings have (`moderation.storage.spelling`).
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

# Directories whose odd spellings are looked for, the shortest first: each is a few conditions of
# one query. Keys that are sorted by month lie in a dozen.
MOST_DIRECTORIES = 32

Question = tuple[Column, "Names"]


class Asked(Protocol):
    """What is asked for: an audit entry, or what was read of one."""

    @property
    def key(self) -> str:
        """The entry's key."""

    @property
    def name(self) -> str:
        """The name by which its storage knows it."""


@dataclass(slots=True)
class Usage:
    """What was found out: keys with the row that uses them, and keys of which it is not known."""

    users: dict[str, str] = dataclass_field(default_factory=dict)
    unknown: dict[str, str] = dataclass_field(default_factory=dict)
    problems: list[str] = dataclass_field(default_factory=list)

    def fail(self, keys: Iterable[str], problem: str) -> None:
        """Note that somebody who may use these keys could not be asked."""
        self.problems.append(problem)
        for key in keys:
            self.unknown.setdefault(key, problem)


class Wanted:
    """Keys of a storage that are asked for, by their full keys."""

    def __init__(self, adapter: Adapter, entries: Iterable[Asked]) -> None:
        self.adapter = adapter
        self.location = adapter.real_location()
        self.entries = list(entries)
        self.keys: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            try:
                self.keys[adapter.full_key(entry.name)].add(entry.key)
            except ValueError:  # a name that the storage does not take; the purge will say so
                continue

    def seen_from(self, adapter: Adapter | None) -> Names:
        """The names that a field of this storage, or of an unknown one, would use."""
        location = adapter.real_location() if adapter else self.location
        named = ((location.name_of(full), keys) for full, keys in self.keys.items())
        names = {name: keys for name, keys in named if name}
        if adapter is None or location == self.location:
            raw: dict[str, set[str]] = defaultdict(set)
            for entry in self.entries:
                if entry.name not in names:  # else it is the plain one, which has the key already
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
        """The entries' keys that such a field could hold."""
        return set().union(*self.plain.values())

    @cached_property
    def odd_beginnings(self) -> tuple[str, ...]:
        """The beginnings of names that mean one of the keys without being plain."""
        if self.adapter is None:
            return ()
        chosen = sorted(directories(set(self.plain)), key=len)[:MOST_DIRECTORIES]
        return tuple(odd for each in chosen for odd in self.adapter.odd_beginnings(each))

    @cached_property
    def spelled(self) -> set[str]:
        """The spellings that a whole site may have."""
        spelled = self.adapter.spelled if self.adapter else tuple
        return {odd for name in self.plain for odd in spelled(name)}

    def meant_by(self, name: str) -> set[str]:
        """The keys that a row's name means, by the field's own storage."""
        if self.adapter is None:
            return self.plain.get(name, set())
        try:
            return self.wanted.keys.get(self.adapter.full_key(name), set())
        except ValueError:
            return set()


def find_users(wanted: Wanted) -> Usage:
    """Return which keys live rows use, and of which that cannot be known now.

    Two indexed queries for each file field that may hold one of them, in each database that holds
    its model. Inside a transaction an error of one costs a savepoint, not the transaction.
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
    """Ask all at once; where one cannot be asked, each alone, to name it and to hear the others."""
    try:
        with guarded(router.db_for_write(AuditEntry)):
            found = [_users_in(column, names, column.holders) for column, names in questions]
    except Exception as error:  # noqa: BLE001 - a foreign model raises what it likes
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
    """Raise the error again where the audit log's own transaction cannot go on."""
    if connections[router.db_for_write(AuditEntry)].needs_rollback:
        raise error


def _users_in(
    column: Column, names: Names, holders: Callable[[Iterable[str]], dict[str, str]]
) -> dict[str, str]:
    """The keys that rows of one column use, each with one such row."""
    found = holders(names.plain.keys())
    if names.odd_beginnings:
        odd = column.beginning_with(names.odd_beginnings)
        found |= holders(names.spelled) if len(odd) > MOST_ODD_NAMES else odd
    return {key: user for name, user in found.items() for key in names.meant_by(name)}


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Every file field of every installed model, registered or not, each in its own table."""
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return ((model, field) for model in models for field in own_file_fields(model))


def fields_on(alias: str) -> Iterator[tuple[type[Model], FileField]]:
    """The file fields that may hold keys of the storage behind an alias."""
    location = adapter_for(alias).real_location()
    for model, field in file_fields():
        adapter = placed(field)
        if adapter is None or adapter.real_location().overlaps(location):
            yield model, field


def placed(field: FileField) -> Adapter | None:
    """Return the adapter of a field's storage; None where nobody can tell where its files are.

    That is known of folders, of S3, and of storages that are in STORAGES.
    """
    try:
        adapter = adapter_of(unwrapped(field.storage))
        adapter.real_location()
        if type(adapter) is OtherAdapter:
            storage_alias(field)
    except ImproperlyConfigured:
        return None
    except Exception:  # noqa: BLE001 - a storage that cannot be built; a check names it
        return None
    return adapter


def _names_for(wanted: Wanted, field: FileField, seen: dict[int, Names | None]) -> Names | None:
    adapter = placed(field)
    storage = id(unwrapped(field.storage)) if adapter else 0
    if storage not in seen:
        reachable = adapter is None or adapter.real_location().overlaps(wanted.location)
        seen[storage] = wanted.seen_from(adapter) if reachable else None
    return seen[storage]
