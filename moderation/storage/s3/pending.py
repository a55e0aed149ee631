"""The files of a run whose keys have no result yet."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.storage.base import FileToErase, OnVersions, versions_to_delete
from moderation.storage.s3.requests import Target


class PendingFiles:
    """Files by key. Different names may lead to one key, such as "a//b" and "a/b"."""

    def __init__(self) -> None:
        self._files: dict[str, list[FileToErase]] = {}

    def add(self, key: str, file: FileToErase) -> bool:
        """Add a file; return whether it is the first of its key."""
        same = self._files.setdefault(key, [])
        same.append(file)
        return len(same) == 1

    def may_be_sent(self, key: str) -> bool:
        """Return whether a request for the key may be sent now: no lease on it has expired."""
        return all(file.may_be_sent() for file in self._files[key])

    def sendable(self, targets: Sequence[Target]) -> Sequence[Target]:
        """Return the targets for which a request may be sent now, which is nearly always all."""
        leases = {file.lease for target in targets for file in self._files[target.key]}
        if all(lease is None or lease.is_active() for lease in leases):
            return targets
        return [target for target in targets if self.may_be_sent(target.key)]

    def pop(self, key: str) -> list[FileToErase]:
        """Remove and return the files of a key."""
        return self._files.pop(key)

    def by_name(self, on_versions: OnVersions) -> OnVersions:
        """Return a function that takes versions by key and passes them on by name."""
        return lambda versions: on_versions(
            {file.name: versions[key] for key in versions for file in self._files[key]}
        )

    def versions(self) -> dict[str, tuple[str, ...]]:
        """Return for each key the versions that earlier attempts were to delete."""
        return {
            key: versions_to_delete(file.versions for file in same)
            for key, same in self._files.items()
        }
