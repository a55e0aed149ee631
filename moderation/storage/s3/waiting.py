"""Names that wait for the answer about their key."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.storage.base import FileToErase, Note, versions_of
from moderation.storage.s3.requests import Target


class Waiting:
    """Names by key: those that differ may come to one key, such as "a//b" and "a/b"."""

    def __init__(self) -> None:
        self._names: dict[str, list[FileToErase]] = {}

    def add(self, key: str, each: FileToErase) -> bool:
        """Add a name; return whether it is the first of its key."""
        same = self._names.setdefault(key, [])
        same.append(each)
        return len(same) == 1

    def may_be_asked_for(self, key: str) -> bool:
        """Return whether a request for the key may be sent now: no lease on it has expired."""
        return all(each.may_be_asked_for() for each in self._names[key])

    def sendable(self, targets: Sequence[Target]) -> Sequence[Target]:
        """Return the targets for which a request may be sent now, which is nearly always all."""
        leases = {each.lease for target in targets for each in self._names[target.key]}
        if all(lease is None or lease.holds() for lease in leases):
            return targets
        return [target for target in targets if self.may_be_asked_for(target.key)]

    def pop(self, key: str) -> list[FileToErase]:
        """Take a key's names out."""
        return self._names.pop(key)

    def noting(self, note: Note) -> Note:
        """Return a function that passes on by names what it is told by keys."""
        return lambda taken: note(
            {each.name: taken[key] for key in taken for each in self._names[key]}
        )

    def versions(self) -> dict[str, tuple[str, ...]]:
        """Return what earlier attempts took of each key."""
        return {
            key: versions_of(each.versions for each in same) for key, same in self._names.items()
        }
