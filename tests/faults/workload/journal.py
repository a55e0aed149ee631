"""A journal of what the actors did: one file for each actor, a line of JSON for each fact.

A fact about a row is written after its commit, so it is certain. If an actor cannot know whether a
row existed for a moment, because an error occurred while it was saved, it writes a doubt.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Fact = dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """A key and the SHA-256 of what its user stored; `others` are possible contents too."""

    key: str
    sha256: str
    others: tuple[str, ...] = ()


class Journal:
    """The file of one actor."""

    def __init__(self, folder: Path, actor: str) -> None:
        self.actor = actor
        self._file = (folder / f"{actor}.jsonl").open("a", buffering=1)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def note(self, fact_type: str, **what: Any) -> None:
        """Write a fact immediately."""
        fact = {"at": round(time.time(), 4), "by": self.actor, "type": fact_type, **what}
        self._file.write(json.dumps(fact) + "\n")

    def saved(
        self, label: str, key: int, files: Mapping[str, File], *, created: bool, **more: Any
    ) -> None:
        """Record that a row is committed with these files, by field."""
        named = {f: [file.key, file.sha256, *file.others] for f, file in files.items()}
        self.note("saved", label=label, key=key, files=named, created=created, **more)

    def deletes(self, label: str, keys: Sequence[int]) -> None:
        """Record that these rows are about to be deleted on purpose."""
        self.note("deletes", label=label, keys=list(keys))

    def doubts(self, label: str, keys: Sequence[str]) -> None:
        """Record that a row with these storage keys may have existed for a moment."""
        self.note("doubt", label=label, names=list(keys))

    def abandons(self, sha256: str, why: str) -> None:
        """Record that a stored content belongs to no row any more because of what its user did."""
        self.note("abandoned", sha256=sha256, why=why)


def read(folder: Path) -> list[Fact]:
    """Return the facts of all actors in the order in which they were written."""
    files = sorted(folder.glob("*.jsonl"))
    # Sorting is stable: the facts of one actor stay in their own order.
    return sorted((fact for file in files for fact in _facts(file)), key=lambda f: f["at"])


def _facts(file: Path) -> Iterator[Fact]:
    with file.open() as lines:
        for line in lines:
            yield json.loads(line)
