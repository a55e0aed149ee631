"""The real location of a storage's files, to compare two storage objects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A space of keys, and the folder in it below which a storage keeps its files.

    `space` identifies a store: the disk, or a bucket at an endpoint. `root` is the folder, empty or
    with a trailing slash. Aliases, subclasses and base URLs make no difference. For other storages,
    `backend` is the class and `space` comes from the options.

    An adapter of a site may return `Location(("google", bucket), with_trailing_slash(folder))`.
    """

    space: tuple[str, ...]
    root: str = ""
    backend: type | None = None

    def overlaps(self, other: Location) -> bool:
        """Return whether a key may belong to both."""
        if not self._same_space(other):
            return False
        return self.root.startswith(other.root) or other.root.startswith(self.root)

    def name_of(self, full_key: str) -> str | None:
        """Return the plain name of a full key, or None if it is outside this location."""
        name = full_key.removeprefix(self.root)
        return name if name and full_key.startswith(self.root) else None

    def _same_space(self, other: Location) -> bool:
        if self.backend is None or other.backend is None:
            return self.backend is other.backend and self.space == other.space
        related = issubclass(self.backend, other.backend) or issubclass(other.backend, self.backend)
        return related and self.space == other.space


def with_trailing_slash(path: str) -> str:
    """Return a folder with a trailing slash, or "" for the empty one."""
    return path if not path or path.endswith("/") else f"{path}/"


def directories(names: set[str]) -> set[str]:
    """Return all folders on the paths of the names, each with a trailing slash, and ""."""
    found = {""}
    waiting = {name.rpartition("/")[0] for name in names}
    while waiting:
        found |= {with_trailing_slash(parent) for parent in waiting}
        waiting = {parent.rpartition("/")[0] for parent in waiting if parent}
    return found
