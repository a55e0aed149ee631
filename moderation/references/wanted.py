"""The keys to search for, and the names under which rows may hold them in each storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

from moderation.storage.base import Adapter
from moderation.storage.location import directories

# The maximum number of directories that are searched for odd spellings, shortest paths first. Each
# adds a few conditions to one query. Keys that are sorted by month are in about a dozen.
MOST_DIRECTORIES = 32


class Asked(Protocol):
    """A file to search for: an audit entry, or the values that were read from one."""

    @property
    def key(self) -> str:
        """Return the entry's key."""

    @property
    def name(self) -> str:
        """Return the name in its storage."""


class Wanted:
    """The keys of a storage to search for, by their full keys."""

    def __init__(self, adapter: Adapter, entries: Iterable[Asked]) -> None:
        self.adapter = adapter
        self.location = adapter.real_location()
        self.entries = list(entries)
        self.keys: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            try:
                self.keys[adapter.full_key(entry.name)].add(entry.key)
            except ValueError:  # the storage rejects the name; the purge reports it
                continue

    def seen_from(self, adapter: Adapter | None) -> Names:
        """Return the names that a field of this storage, or of an unknown one, may hold."""
        location = adapter.real_location() if adapter else self.location
        named = ((location.name_of(full), keys) for full, keys in self.keys.items())
        names = {name: keys for name, keys in named if name}
        if adapter and not adapter.key_is_root_plus_name:
            names |= self._ends()
        if adapter is None or location == self.location:
            raw: dict[str, set[str]] = defaultdict(set)
            for entry in self.entries:
                if entry.name not in names:  # a plain name already has its key
                    raw[entry.name].add(entry.key)
            names |= raw
        return Names(self, adapter, names)

    def _ends(self) -> dict[str, set[str]]:
        """Return the ends of the full keys, from each folder on: {end: keys}.

        In a storage that puts files into folders of its choice, the name of a key is one of these.
        The storage decides which names really refer to a key; see `Names.meant_by`.
        """
        ends: dict[str, set[str]] = defaultdict(set)
        for full, keys in self.keys.items():
            parts = full.split("/")
            for start in range(len(parts)):
                if end := "/".join(parts[start:]):
                    ends[end] |= keys
        return ends


class Names:
    """The names of the wanted keys in the fields of one storage."""

    def __init__(
        self, wanted: Wanted, adapter: Adapter | None, names: Mapping[str, set[str]]
    ) -> None:
        self.wanted, self.adapter, self.plain = wanted, adapter, names

    @property
    def keys(self) -> set[str]:
        """Return the entries' keys that such a field may hold."""
        return set().union(*self.plain.values())

    @cached_property
    def odd_beginnings(self) -> tuple[str, ...]:
        """Return the prefixes of names that refer to one of the keys but are not plain."""
        if self.adapter is None:
            return ()
        chosen = sorted(directories(set(self.plain)), key=len)[:MOST_DIRECTORIES]
        return tuple(odd for each in chosen for odd in self.adapter.odd_prefixes(each))

    @cached_property
    def spelled(self) -> set[str]:
        """Return the odd spellings of the names that a site may use throughout."""
        spelled = self.adapter.odd_spellings if self.adapter else tuple
        return {odd for name in self.plain for odd in spelled(name)}

    def meant_by(self, name: str) -> set[str]:
        """Return the keys that a row's name refers to, according to the field's storage."""
        if self.adapter is None:
            return self.plain.get(name, set())
        try:
            return self.wanted.keys.get(self.adapter.full_key(name), set())
        except ValueError:
            return set()
