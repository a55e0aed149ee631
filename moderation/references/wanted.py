"""Keys that are asked for, and the names by which the rows of each storage may hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

from moderation.storage.base import Adapter
from moderation.storage.location import directories

# Directories whose odd spellings are looked for, the shortest first: each is a few conditions of
# one query. Keys that are sorted by month lie in a dozen.
MOST_DIRECTORIES = 32


class Asked(Protocol):
    """What is asked for: an audit entry, or what was read of one."""

    @property
    def key(self) -> str:
        """The entry's key."""

    @property
    def name(self) -> str:
        """The name by which its storage knows it."""


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
        if adapter and not adapter.joins_names:
            names |= self._ends()
        if adapter is None or location == self.location:
            raw: dict[str, set[str]] = defaultdict(set)
            for entry in self.entries:
                if entry.name not in names:  # else it is the plain one, which has the key already
                    raw[entry.name].add(entry.key)
            names |= raw
        return Names(self, adapter, names)

    def _ends(self) -> dict[str, set[str]]:
        """What the full keys end with, from each folder on.

        A storage that puts names into folders of its choice knows a key by one of these. Which
        names really mean a key is for the storage to say, see `Names.meant_by`.
        """
        ends: dict[str, set[str]] = defaultdict(set)
        for full, keys in self.keys.items():
            parts = full.split("/")
            for start in range(len(parts)):
                if end := "/".join(parts[start:]):
                    ends[end] |= keys
        return ends


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
        return tuple(odd for each in chosen for odd in self.adapter.odd_prefixes(each))

    @cached_property
    def spelled(self) -> set[str]:
        """The spellings that a whole site may have."""
        spelled = self.adapter.odd_spellings if self.adapter else tuple
        return {odd for name in self.plain for odd in spelled(name)}

    def meant_by(self, name: str) -> set[str]:
        """The keys that a row's name means, by the field's own storage."""
        if self.adapter is None:
            return self.plain.get(name, set())
        try:
            return self.wanted.keys.get(self.adapter.full_key(name), set())
        except ValueError:
            return set()
