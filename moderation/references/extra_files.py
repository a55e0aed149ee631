"""Find live rows that use extra files, which no field names.

The rows that have an extra file cannot be looked up by its name, because no column holds it. So the
search finds the rows that share a file in one of their fields with the deleted row, and asks the
`extra_files` function of their registration for their extra files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from django.core.files.storage import InvalidStorageError
from django.db.models import Model

from moderation.db.rows import all_rows
from moderation.references.databases import databases_with
from moderation.references.queries import MAX_ROWS, Column, IgnoredRows, ignored_in, savepoint
from moderation.references.search import NONE_IGNORED, Usage, names_in_field
from moderation.references.wanted import WantedKeys
from moderation.registry import ExtraFiles, Registration, registered_models, registration_for
from moderation.storage.base import Adapter
from moderation.storage.location import Location
from moderation.storage.resolve import adapter_for

# The names in the fields of a deleted row, by storage alias: the value of `AuditEntry.row_names`.
RowNames = Mapping[str, Sequence[str]]


class NamedFile(NamedTuple):
    """A name to search for, which stands for its own key; see `WantedFile`."""

    key: str
    name: str


def add_usage_of_extra_files(
    wanted: WantedKeys,
    row_names: Mapping[str, RowNames],
    usage: Usage,
    *,
    ignored: IgnoredRows = NONE_IGNORED,
) -> None:
    """Add the extra files that live rows use to `usage`.

    `row_names` maps the key of each entry for an extra file to the entry's `row_names`. `ignored`
    are rows that do not count. Skips registrations without `extra_files`. Runs no query if no entry
    is for an extra file.
    """
    unknown = {key: each for key, each in row_names.items() if key not in usage.users}
    for registration in filter(None, map(registration_for, registered_models())):
        if extra_files := registration.extra_files:
            _Search(registration, extra_files, wanted, usage).run(unknown, ignored)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the extra files of one registration, which adds what it finds to `usage`."""

    registration: Registration
    extra_files: ExtraFiles
    wanted: WantedKeys
    usage: Usage

    @property
    def source(self) -> str:
        """Return the source of problems; see `Usage`."""
        return f"extra_files of {self.registration.label}"

    def run(self, row_names: Mapping[str, RowNames], ignored: IgnoredRows) -> None:
        """Search for the rows that share a name with a deleted row, and for their extra files."""
        self.usage.skipped.add(self.source)
        for alias, names in _names_by_alias(row_names).items():
            try:
                columns = list(_columns_to_search(self.registration, alias, names, ignored))
            except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
                self._fail(names.values(), f"{self.source}: {error}")
                continue
            for column, found in columns:
                self._search(column, found)

    def _search(self, column: Column, names: Mapping[str, set[str]]) -> None:
        """Search one column for {name: keys of extra files}."""
        self.usage.skipped.discard(self.source)
        rows = column.rows().filter(**{f"{column.field.name}__any_of": names.keys()})
        try:
            with savepoint(column.database):
                found = list(rows[: MAX_ROWS + 1])
        except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
            self._fail(names.values(), f"{self.source}: {error}")
            return
        if len(found) > MAX_ROWS:
            keys = set().union(*names.values())
            self.usage.users |= dict.fromkeys(keys, f"many rows of {column.label}")
        elif found:
            self._add(column, found, names)

    def _add(self, column: Column, rows: Sequence[Model], names: Mapping[str, set[str]]) -> None:
        """Add the extra files of rows. After an error, halve the rows to find the one that fails.

        Only the keys of extra files that this row may have are unknown.
        """
        try:
            with savepoint(column.database):
                self.usage.users |= self._users(rows)
        except Exception as error:  # noqa: BLE001 - the function and storages are the site's
            if len(rows) == 1:
                name = str(getattr(rows[0], column.field.attname))
                # A collation may find a name that differs from those searched for.
                keys: Iterable[set[str]] = [names[name]] if name in names else names.values()
                self._fail(keys, f"{self.source} {rows[0].pk}: {error}")
                return
            middle = len(rows) // 2
            for half in (rows[:middle], rows[middle:]):
                self._add(column, half, names)

    def _users(self, rows: Sequence[Model]) -> dict[str, str]:
        adapter_in = _adapters_in(self.wanted.location)
        return {
            key: f"the extra files of {row._meta.label} {row.pk}"
            for row, alias, name in self.extra_files(rows)
            for key in _keys_of(adapter_in(alias), name, self.wanted)
        }

    def _fail(self, keys: Iterable[set[str]], problem: str) -> None:
        self.usage.fail(set().union(*keys), self.source, problem)


def _names_by_alias(row_names: Mapping[str, RowNames]) -> dict[str, dict[str, set[str]]]:
    """Return the names in the fields of deleted rows: {alias: {name: keys of its extra files}}."""
    by_alias: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key, each in row_names.items():
        for alias, names_of_row in each.items():
            for name in names_of_row:
                by_alias[alias][name].add(key)
    return by_alias


def _columns_to_search(
    registration: Registration, alias: str, keys: Mapping[str, set[str]], ignored: IgnoredRows
) -> Iterator[tuple[Column, dict[str, set[str]]]]:
    """Yield the columns that may hold one of the names, with {name: keys of its extra files}."""
    if (wanted := _wanted(alias, keys)) is None:
        return
    for field in registration.fields:
        names = names_in_field(field, wanted)
        found = {name: set().union(*(keys[n] for n in same)) for name, same in names.items()}
        for database in databases_with(registration.model) if found else ():
            if isinstance(database, str):  # `find_usage` reports unreachable databases
                rows = ignored_in(registration.model, database, ignored)
                yield Column(registration.model, field, database, ignored=rows), found


def _wanted(alias: str, names: Iterable[str]) -> WantedKeys | None:
    try:
        return WantedKeys(adapter_for(alias), [NamedFile(name, name) for name in names])
    except InvalidStorageError:  # the storage no longer exists, so no row shares a file in it
        return None


def _adapters_in(location: Location) -> Callable[[str], Adapter | None]:
    """Return a function that returns the adapter of an alias, the same one each time.

    It returns None if the storage has no files in the location.
    """

    @cache
    def adapter_in(alias: str) -> Adapter | None:
        adapter = adapter_for(alias)
        return adapter if adapter.real_location().overlaps(location) else None

    return adapter_in


def _keys_of(adapter: Adapter | None, name: str, wanted: WantedKeys) -> set[str]:
    if not name or adapter is None:
        return set()
    try:
        return wanted.keys.get(adapter.full_key(name), set())
    except ValueError:
        return set()


def fingerprints_of_extra_files(alias: str) -> frozenset[int]:
    """Return a fingerprint of each extra file that a live row has in the storage behind an alias.

    Reads every row of the models with extra files, a page at a time. Keeps only 8 bytes for each
    file, because their number is not limited. Raises UnreachableDatabase, and the
    error of a function that fails.
    """
    adapter_in = _adapters_in(adapter_for(alias).real_location())
    found: set[int] = set()
    for registration in filter(None, map(registration_for, registered_models())):
        if (extra_files := registration.extra_files) is None:
            continue
        for database in databases_with(registration.model):
            if not isinstance(database, str):
                raise database
            rows = all_rows(registration.model, database).order_by("pk").iterator(MAX_ROWS)
            while page := list(islice(rows, MAX_ROWS)):
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
