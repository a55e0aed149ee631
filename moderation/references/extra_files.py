"""Find live rows that use extra files, which no field names.

No index leads from an extra file to the rows that have it. But an extra file belongs to the files
in the fields of its row. So the search finds the rows that share one of those files with the
deleted row, and the `extra_files` function of their registration returns their extra files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from django.core.files.storage import InvalidStorageError

from moderation.db.rows import all_rows
from moderation.references.databases import databases_with
from moderation.references.queries import MOST_ROWS, Column, guarded
from moderation.references.search import Usage, names_held_by
from moderation.references.wanted import Wanted
from moderation.registry import ExtraFiles, Registration, registered_models, registration_for
from moderation.storage.base import Adapter
from moderation.storage.location import Location
from moderation.storage.resolve import adapter_for

# The names in the fields of a deleted row, by storage alias: the value of `AuditEntry.beside`.
Beside = Mapping[str, Sequence[str]]


class _Name(NamedTuple):
    key: str
    name: str


def find_users_of_extra_files(wanted: Wanted, beside: Mapping[str, Beside], usage: Usage) -> None:
    """Add the extra files that live rows use to `usage`.

    `beside` maps the key of each entry for an extra file to the entry's `beside`. Registrations
    without `extra_files` are skipped. Runs no query if no entry is for an extra file.
    """
    if not (left := {key: each for key, each in beside.items() if key not in usage.users}):
        return
    for registration in filter(None, map(registration_for, registered_models())):
        if (extra_files := registration.extra_files) is None:
            continue
        try:
            for column, names in _columns(registration, left):
                with guarded(column.database):
                    usage.users |= _users_in(extra_files, column, names, wanted)
        except Exception as error:  # noqa: BLE001 - the function and storages are the site's
            usage.fail(left, f"extra_files of {registration.label}: {error}")


def _columns(
    registration: Registration, beside: Mapping[str, Beside]
) -> Iterator[tuple[Column, dict[str, set[str]]]]:
    """Yield the columns that may hold such a name, with {name: keys of its extra files}."""
    by_alias: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key, each in beside.items():
        for alias, held in each.items():
            for name in held:
                by_alias[alias][name].add(key)
    for alias, keys in by_alias.items():
        if (shared := _shared(alias, keys)) is None:
            continue
        for field in registration.fields:
            names = names_held_by(field, shared)
            found = {name: set().union(*(keys[n] for n in same)) for name, same in names.items()}
            for database in databases_with(registration.model) if found else ():
                if isinstance(database, str):  # `find_users` reports the unreachable ones
                    yield Column(registration.model, field, database), found


def _shared(alias: str, names: Iterable[str]) -> Wanted | None:
    try:
        return Wanted(adapter_for(alias), [_Name(name, name) for name in names])
    except InvalidStorageError:  # the storage no longer exists, so no row shares a file in it
        return None


def _users_in(
    extra_files: ExtraFiles, column: Column, names: Mapping[str, set[str]], wanted: Wanted
) -> dict[str, str]:
    found = column.rows().filter(**{f"{column.field.name}__any_of": names.keys()})
    rows = list(found[: MOST_ROWS + 1])
    if len(rows) > MOST_ROWS:
        return dict.fromkeys(set().union(*names.values()), f"{column.label}: many rows share it")
    adapter_in = _adapters_in(wanted.location)
    users = {}
    for row, alias, name in extra_files(rows) if rows else ():
        for key in _keys_of(adapter_in(alias), name, wanted):
            users[key] = f"the extra files of {row._meta.label} {row.pk}"
    return users


def _adapters_in(location: Location) -> Callable[[str], Adapter | None]:
    """Return a function that returns the adapter of an alias, the same one each time.

    It returns None if the storage has no files in the location.
    """

    @cache
    def adapter_in(alias: str) -> Adapter | None:
        adapter = adapter_for(alias)
        return adapter if adapter.real_location().overlaps(location) else None

    return adapter_in


def _keys_of(adapter: Adapter | None, name: str, wanted: Wanted) -> set[str]:
    if not name or adapter is None:
        return set()
    try:
        return wanted.keys.get(adapter.full_key(name), set())
    except ValueError:
        return set()


def fingerprints_of_extra_files(alias: str) -> frozenset[int]:
    """Return a fingerprint of each extra file that a live row has in the storage behind an alias.

    Reads every row of the models with extra files, a page at a time. Only 8 bytes for each file are
    kept, since their number is not limited. Raises the error of a function that fails.
    """
    adapter_in = _adapters_in(adapter_for(alias).real_location())
    found: set[int] = set()
    for registration in filter(None, map(registration_for, registered_models())):
        if (extra_files := registration.extra_files) is None:
            continue
        for database in databases_with(registration.model):
            if not isinstance(database, str):
                raise database
            rows = all_rows(registration.model, database).order_by("pk").iterator(MOST_ROWS)
            while page := list(islice(rows, MOST_ROWS)):
                for _row, other, name in extra_files(page):
                    if name and (adapter := adapter_in(other)):
                        found.add(fingerprint(adapter, name))
    return frozenset(found)


def fingerprint(adapter: Adapter, name: str) -> int:
    """Return a number for a file, the same for each spelling of its name in any storage object."""
    try:
        key = adapter.full_key(name)
    except ValueError:  # no file can have this name
        key = name
    return int.from_bytes(blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest())
