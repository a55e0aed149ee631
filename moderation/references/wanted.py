"""The keys to search for, and the names that rows of each storage may have for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

from moderation.storage.base import Adapter
from moderation.storage.location import directories

# The most directories that are searched for odd spellings, shortest paths first. Each adds a few
# conditions to one query. Keys with a directory for each month are in about a dozen.
MAX_DIRECTORIES = 32


class WantedFile(Protocol):
    """A file to search for: an audit entry, or the values that were read from one."""

    @property
    def key(self) -> str:
        """Return the entry's key."""

    @property
    def name(self) -> str:
        """Return the name in its storage."""


class WantedKeys:
    """The keys of a storage to search for, by their full keys."""

    def __init__(self, adapter: Adapter, entries: Iterable[WantedFile]) -> None:
        self.adapter = adapter
        self.location = adapter.real_location()
        self.entries = list(entries)
        self.keys: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            try:
                self.keys[adapter.full_key(entry.name)].add(entry.key)
            except ValueError:  # the storage rejects the name; the purge reports it
                continue

    def names_in(self, adapter: Adapter | None) -> WantedNames:
        """Return the names that a field may hold; without an adapter, its storage is unknown."""
        location = adapter.real_location() if adapter else self.location
        named = ((location.name_of(full), keys) for full, keys in self.keys.items())
        names = {name: keys for name, keys in named if name}
        if adapter and not adapter.key_is_root_plus_name:
            names |= self._suffixes()
        if adapter is None or location == self.location:
            raw: dict[str, set[str]] = defaultdict(set)
            for entry in self.entries:
                if entry.name not in names:  # a plain name already has its key
                    raw[entry.name].add(entry.key)
            names |= raw
        return WantedNames(self, adapter, names)

    def _suffixes(self) -> dict[str, set[str]]:
        """Return the full keys without their leading folders: {suffix: keys}.

        If a storage chooses the folders of its files, a file's name is one of these suffixes. The
        storage decides which names really refer to a key; see `WantedNames.keys_of`.
        """
        suffixes: dict[str, set[str]] = defaultdict(set)
        for full, keys in self.keys.items():
            parts = full.split("/")
            for start in range(len(parts)):
                if suffix := "/".join(parts[start:]):
                    suffixes[suffix] |= keys
        return suffixes


class WantedNames:
    """The names of the wanted keys in the fields of one storage."""

    def __init__(
        self, wanted: WantedKeys, adapter: Adapter | None, names: Mapping[str, set[str]]
    ) -> None:
        self.wanted, self.adapter, self.plain = wanted, adapter, names

    @property
    def keys(self) -> set[str]:
        """Return the keys that these names may refer to."""
        return set().union(*self.plain.values())

    @cached_property
    def odd_prefixes(self) -> tuple[str, ...]:
        """Return the prefixes that only oddly spelled names of the keys have."""
        if self.adapter is None:
            return ()
        chosen = sorted(directories(set(self.plain)), key=len)[:MAX_DIRECTORIES]
        return tuple(odd for each in chosen for odd in self.adapter.odd_prefixes(each))

    @cached_property
    def odd(self) -> set[str]:
        """Return the names in each odd spelling that a site may use throughout."""
        if self.adapter is None:
            return set()
        return {odd for name in self.plain for odd in self.adapter.odd_spellings(name)}

    def keys_of(self, name: str) -> set[str]:
        """Return the keys that a row's name refers to, according to the field's storage."""
        if self.adapter is None:
            return self.plain.get(name, set())
        try:
            return self.wanted.keys.get(self.adapter.full_key(name), set())
        except ValueError:
            return set()

    def halves(self) -> list[WantedNames]:
        """Return the names in two halves, or an empty list if there is only one name."""
        names = list(self.plain.items())
        if not (middle := len(names) // 2):
            return []
        halves = (names[:middle], names[middle:])
        return [WantedNames(self.wanted, self.adapter, dict(half)) for half in halves]
