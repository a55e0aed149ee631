"""What a worker claims from the queue of due entries, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from moderation.db.server_time import DatabaseNow


class StorageRef(NamedTuple):
    """A storage, and the identity that its identity file must contain."""

    storage: str
    identity: UUID | None


class Claimed(NamedTuple):
    """An entry of a claimed key. Not a model instance, as a purge handles hundreds of thousands.

    `leased_until` is the lease that the entry had before this claim. `is_leased` is False for an
    entry that existed when its key was claimed but could not be locked: the worker that has locked
    it will release it, and if the file is erased, this entry is erased as well.
    """

    pk: int
    key: str
    name: str
    versions: list[str]
    removal: int | None
    leased_until: datetime | None
    row_names: Mapping[str, Sequence[str]] | None = None
    is_leased: bool = True

    @property
    def may_be_erased(self) -> bool:
        """Return whether an earlier attempt may have erased the file: its lease is still there."""
        return self.leased_until is not None


def ended_lease(*, may_be_erased: bool) -> DatabaseNow | None:
    """Return the `leased_until` of an entry whose lease ends; see `AuditEntry`."""
    return DatabaseNow() if may_be_erased else None


@dataclass(frozen=True, slots=True)
class Claim:
    """Entries of one storage that one worker has leased until `leased_until`."""

    ref: StorageRef
    entries: tuple[Claimed, ...]
    removals: frozenset[int]  # those of the entries that the claim marked as in use
    leased_until: datetime
