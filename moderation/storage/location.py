"""Where the files of a storage really are, so that two storage objects can be compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A space of keys, and the folder in it below which a storage keeps its files.

    `space` is what tells two stores apart: the disk, or a bucket at an endpoint. `root` is the
    folder, empty or with a slash at its end. Aliases, subclasses and base URLs make no difference.
    A storage of another make has its class in `backend`, and in `space` what its options say.
    """

    space: tuple[str, ...]
    root: str = ""
    backend: type | None = None

    def overlaps(self, other: Location) -> bool:
        """Return whether one key may belong to both."""
        if not self._same_space(other):
            return False
        return self.root.startswith(other.root) or other.root.startswith(self.root)

    def name_of(self, full_key: str) -> str | None:
        """Return the plain name of a full key; None where it is outside."""
        name = full_key.removeprefix(self.root)
        return name if name and full_key.startswith(self.root) else None

    def _same_space(self, other: Location) -> bool:
        if self.backend is None or other.backend is None:
            return self.backend is other.backend and self.space == other.space
        related = issubclass(self.backend, other.backend) or issubclass(other.backend, self.backend)
        return related and self.space == other.space


def folder(path: str) -> str:
    """Return a folder with one slash at its end; the empty one stays empty."""
    return path if not path or path.endswith("/") else f"{path}/"


def directories(names: set[str]) -> set[str]:
    """Return all folders that the names lead through, each with a slash at its end, and ""."""
    found = {""}
    waiting = {name.rpartition("/")[0] for name in names}
    while waiting:
        found |= {folder(parent) for parent in waiting}
        waiting = {parent.rpartition("/")[0] for parent in waiting if parent}
    return found
