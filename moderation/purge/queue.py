"""What a worker takes from the queue of due entries: plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class StorageRef(NamedTuple):
    """A storage, and the identity by which it must show to be the one that is meant."""

    storage: str
    identity: UUID | None


class Claimed(NamedTuple):
    """An entry that a worker holds. No model: a purge handles hundreds of thousands.

    `lease` is the one that it found. `is_held`: False for one that was there when its key was
    claimed and could not be locked: its worker lets it go, and what is erased is so for it as well.
    """

    pk: int
    key: str
    name: str
    versions: list[str]
    removal: int | None
    lease: datetime | None
    beside: Mapping[str, Sequence[str]] | None = None
    is_held: bool = True

    @property
    def was_leased(self) -> bool:
        """Return whether an earlier worker held it, and may have sent a request before it died."""
        return self.lease is not None


@dataclass(frozen=True, slots=True)
class Claim:
    """Entries of one storage that one worker holds until its lease runs out."""

    ref: StorageRef
    entries: tuple[Claimed, ...]
    settled: frozenset[int]  # removals of which an entry was kept in the claim itself
    leased_until: datetime
