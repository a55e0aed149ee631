"""The lives of rows according to the journal. A key may be inserted again after a deletion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.faults.workload.journal import Fact
from tests.faults.workload.tables import FileId, RowId, is_default


@dataclass(slots=True)
class Life:
    """A row from its INSERT to its deletion. `files` has, by field, a key and what may be there.

    `replaced` has the same of each file that a save with signals replaced.
    """

    row: RowId
    parent: str
    files: dict[str, list[str]] = field(default_factory=dict)
    replaced: list[tuple[str, list[str]]] = field(default_factory=list)

    def owned(self) -> Mapping[str, list[str]]:
        """Return the files that are deleted with the row: not empty, and not a field's default."""
        return {f: file for f, file in self.files.items() if file[0] and not is_default(file[0])}

    def save(self, files: Mapping[str, list[str]], *, signalled: bool) -> None:
        """Replace the row's files with these."""
        if signalled:
            self.replaced += [
                (f, file) for f, file in self.owned().items() if files.get(f, file)[0] != file[0]
            ]
        self.files |= files


def lives_of(facts: Iterable[Fact]) -> dict[RowId, list[Life]]:
    """Return the lives of every row that was ever committed."""
    lives: dict[RowId, list[Life]] = defaultdict(list)
    for fact in facts:
        if fact["type"] != "saved":
            continue
        row = (fact["label"], str(fact["key"]))
        if fact["created"] or not lives[row]:
            lives[row].append(Life(row, str(fact["parent"])))
        life = lives[row][-1]
        life.save(fact["files"], signalled=fact["signalled"])
    return lives


@dataclass(frozen=True, slots=True)
class Preview:
    """The files of an object when it was last frozen.

    Those that changed at that very moment are only in `possible`.
    """

    certain: frozenset[FileId] = frozenset()
    possible: frozenset[FileId] = frozenset()


@dataclass(slots=True)
class Intentions:
    """What actors wanted to delete, what moderators were shown, and what is uncertain.

    `previews` has the objects of each removal by their keys.
    """

    by_users: set[RowId] = field(default_factory=set)
    by_removal: dict[int, set[RowId]] = field(default_factory=lambda: defaultdict(set))
    previews: dict[int, dict[str, Preview]] = field(default_factory=dict)
    doubts: set[str] = field(default_factory=set)  # keys
    abandoned: set[str] = field(default_factory=set)  # SHA-256


def intentions_of(facts: Iterable[Fact]) -> Intentions:
    """Collect the selections of all removals, without what was excluded, and the rest."""
    found = Intentions()
    for fact in facts:
        rows = {(fact.get("label", ""), str(key)) for key in fact.get("keys", ())}
        match fact["type"]:
            case "frozen":
                found.by_removal[fact["removal"]] |= rows
                found.previews[fact["removal"]] = _previews(fact)
            case "refrozen":
                former = found.previews[fact["removal"]]
                now = _previews(fact)
                found.previews[fact["removal"]] = now if fact["certain"] else _either(former, now)
            case "excluded":
                found.by_removal[fact["removal"]] -= rows
            case "deletes":
                found.by_users |= rows
            case "doubt":
                found.doubts |= set(fact["names"])
            case "abandoned":
                found.abandoned.add(fact["sha256"])
    return found


def _previews(fact: Fact) -> dict[str, Preview]:
    """Return the previews of a draft from its files right before and right after the freeze."""
    before, after = fact["previews"]
    found = {}
    for key in before.keys() | after.keys():
        former, current = _files(before, key), _files(after, key)
        found[key] = Preview(former & current, former | current)
    return found


def _files(files: Mapping[str, list[list[str]]], key: str) -> frozenset[FileId]:
    return frozenset((label, row, column, name) for label, row, column, name in files.get(key, ()))


def _either(a: Mapping[str, Preview], b: Mapping[str, Preview]) -> dict[str, Preview]:
    """Return what is known after an interrupted freeze, when either of two previews holds."""
    found = {}
    for key in a.keys() | b.keys():
        one, other = a.get(key, Preview()), b.get(key, Preview())
        found[key] = Preview(one.certain & other.certain, one.possible | other.possible)
    return found
