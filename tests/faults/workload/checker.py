"""Check the invariants with the journal, the tables and a listing, without the product's code.

A breach starts with the number of its rule: 0 nothing unexpected happens, 1 live rows keep their
files, 2 everything ends and is accounted for, 3 the log is true, 4 only what was selected is
deleted, and by a removal only as it was previewed, 5 shared files and defaults stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.workload.file_stores import DEFAULT, digest
from tests.faults.workload.journal import Fact
from tests.faults.workload.lives import intentions_of, lives_of
from tests.faults.workload.site import DEFAULT_BADGE
from tests.faults.workload.tables import (
    DELETED,
    ERASED,
    FAILED,
    FINISHED,
    IN_USE,
    PARENT_OF,
    PENDING,
    TABLES,
    WAS_MISSING,
    FileId,
    RowId,
    Tables,
    is_default,
    key_of,
)

# After this many steps of all actors together, rows of every model must have been saved. The rarest
# model gets 1 step in 40, and half of these may find no row to work with: after 1,000 steps, one
# round in 100,000 has saved none of its rows. A short round may end earlier.
ENOUGH_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule, with the key or row concerned."""

    rule: str
    text: str
    key: str = ""
    row: RowId | None = None


class Checker:
    """Compares the intentions with the result."""

    def __init__(
        self,
        facts: list[Fact],
        tables: Tables,
        stored: Mapping[str, str],
        *,
        kept_is_checked: bool,
    ) -> None:
        self.facts, self.tables, self.stored = facts, tables, stored
        self.kept_is_checked = kept_is_checked
        self.lives = lives_of(facts)
        self.meant = intentions_of(facts)
        self.users = tables.users
        self.ended = [
            life
            for row, lives in self.lives.items()
            for life in (lives[:-1] if row in tables.rows else lives)
        ]

    def breaches(self) -> list[Breach]:
        """Return every breach."""
        return [
            *self._unexpected(),
            *self._never_saved(),
            *self._live_rows(),
            *self._lost_names(),
            *self._entries_of_ended_lives(),
            *self._entries_end(),
            *self._erased_is_absent(),
            *self._orphans(),
            *self._only_what_was_meant(),
            *self._only_as_previewed(),
            *self._removals(),
        ]

    def _unexpected(self) -> Iterator[Breach]:
        for fact in self.facts:
            if fact["type"] == "unexpected":
                yield Breach("0 unexpected error", f"{fact['by']}: {fact['trace']}")

    def _never_saved(self) -> Iterator[Breach]:
        """0: the workload tries rows of every model."""
        steps = sum(fact["type"] == "step" for fact in self.facts)
        saved = {fact["label"] for fact in self.facts if fact["type"] == "saved"}
        if steps >= ENOUGH_STEPS:
            for label in TABLES.keys() - saved:
                yield Breach("0 never saved", label)

    def _live_rows(self) -> Iterator[Breach]:
        """1 and 5: the files of live rows are there, with the content that was stored for them."""
        for row, names in self.tables.rows.items():
            lives = self.lives.get(row)
            known = lives[-1].files if lives else {}
            for field, name in names.items():
                key = key_of(name)
                recorded = known.get(field, [])
                if key not in self.stored:
                    yield Breach("1 live row without its file", f"{row} {field}", key, row)
                elif is_default(name):
                    if self.stored[key] != digest(DEFAULT):
                        yield Breach("1 foreign content", f"the default of {row}", key, row)
                elif recorded[:1] != [name]:
                    if name not in self.meant.doubts:
                        yield Breach("0 unknown row", f"{row} {names}, journal {known}", key, row)
                elif self.stored[key] not in recorded[1:]:
                    yield Breach("1 foreign content", f"{row} {field}", key, row)

    def _lost_names(self) -> Iterator[Breach]:
        """1: a live row names the file that its user gave it."""
        for row, names in self.tables.rows.items():
            for field, (name, *_) in self.lives[row][-1].files.items() if row in self.lives else ():
                if name and field not in names and name not in self.meant.doubts:
                    yield Breach("1 row lost its file", f"{row} {field}", key_of(name), row)

    def _entries_of_ended_lives(self) -> Iterator[Breach]:
        """2 and 3: one entry for each file of a deleted row or replaced file, and no others."""
        wanted = Counter((*row, field, file[0]) for row, field, file in self._taken())
        found = Counter(
            (e["object_label"], e["object_key"], e["field"], e["name"])
            for e in self.tables.entries
            if not is_default(e["name"])  # it has its own rule
        )
        for label, key, field, name in wanted.keys() | found.keys():
            want, have = wanted[label, key, field, name], found[label, key, field, name]
            text = f"{label} {key} {field!r} {name}: {have} entries for {want} deletions or saves"
            if have < want:
                yield Breach("2 deletion without an entry", text, key_of(name), (label, key))
            elif have > want and name not in self.meant.doubts:
                rule = "3 entry without a deletion" if not want else "3 several entries"
                yield Breach(rule, text, key_of(name), (label, key))

    def _taken(self) -> Iterator[tuple[RowId, str, list[str]]]:
        """Yield each file that was deleted with its row, or replaced, with its row and field."""
        ended = ((life.row, *file) for life in self.ended for file in life.owned().items())
        lives = (life for lives in self.lives.values() for life in lives)
        replaced = ((life.row, *file) for life in lives for file in life.replaced)
        for row, field, file in (*ended, *replaced):
            if TABLES[row[0]].registered:
                yield row, field, file

    def _entries_end(self) -> Iterator[Breach]:
        """2: every entry reaches a final state, and none is kept for a file that nobody uses."""
        for entry in self.tables.entries:
            text = f"entry {entry['id']} is {entry['state']}"
            row, key = (entry["object_label"], entry["object_key"]), key_of(entry["name"])
            if entry["state"] == PENDING:
                yield Breach("2 entry without an end", text, key, row)
            elif entry["state"] == FAILED:
                text = f"{text}: {entry['error_code']} {entry['error']}"
                yield Breach("2 failed in a healthy storage", text, key, row)
            elif entry["state"] == IN_USE and key not in self.users and self.kept_is_checked:
                there = "there" if key in self.stored else "gone"
                yield Breach(f"2 kept, nobody uses it, the file is {there}", text, key, row)
            if entry["detail"] == WAS_MISSING and entry["name"] not in self.meant.doubts:
                yield Breach("3 said to have been missing", text, key, row)
            if is_default(entry["name"]):
                yield Breach("5 a field's default was taken", text, key, row)

    def _erased_is_absent(self) -> Iterator[Breach]:
        """3: a file that is reported as erased is absent, unless another was stored there since."""
        took: dict[tuple[str, str, str], set[str]] = {}
        for row, _field, file in self._taken():
            if len(file) == 2:  # otherwise its content is uncertain
                took.setdefault((*row, file[0]), set()).add(file[1])
        for entry in self.tables.entries:
            row, name = (entry["object_label"], entry["object_key"]), entry["name"]
            there = self.stored.get(key_of(name))
            if entry["state"] == ERASED and there in took.get((*row, name), ()):
                text = f"entry {entry['id']} is erased"
                yield Breach("3 erased and still there", text, key_of(name), row)

    def _orphans(self) -> Iterator[Breach]:
        """2: every file belongs to a live row or an open entry, or was abandoned by its user."""
        stays = {PENDING, FAILED, IN_USE}  # the last has its own rule
        explained = {key_of(e["name"]) for e in self.tables.entries if e["state"] in stays}
        explained |= self.users.keys() | {DEFAULT_BADGE}
        for key, sha256 in self.stored.items():
            if key not in explained and sha256 not in self.meant.abandoned:
                yield Breach("2 orphan", "no row and no open entry names it", key)
        if DEFAULT_BADGE not in self.stored:
            yield Breach("5 a field's default is gone", "", DEFAULT_BADGE)

    def _only_what_was_meant(self) -> Iterator[Breach]:
        """4: nothing is deleted that nobody selected or replaced."""
        replaced = {
            (*life.row, file[0])
            for lives in self.lives.values()
            for life in lives
            for _field, file in life.replaced
        }
        parents = {life.row: life.parent for lives in self.lives.values() for life in lives}
        for entry in self.tables.entries:
            row = (entry["object_label"], entry["object_key"])
            above = (PARENT_OF.get(row[0], ""), parents.get(row, ""))
            removal = entry["removal_id"]
            if removal is None and (*row, entry["name"]) in replaced:
                continue
            meant = self.meant.by_removal[removal] if removal else self.meant.by_users
            if row not in meant and above not in meant and entry["name"] not in self.meant.doubts:
                text = f"entry {entry['id']} of removal {removal}: {row} in {above}"
                yield Breach("4 not selected", text, key_of(entry["name"]), row)
        selected = self.meant.by_users.union(*self.meant.by_removal.values())
        for fact in self.facts:
            row = (fact.get("label", ""), str(fact.get("key")))
            if fact["type"] == "parent" and row not in self.tables.parents | selected:
                yield Breach("4 not selected", f"{row} is gone", row=row)

    def _only_as_previewed(self) -> Iterator[Breach]:
        """4: a removal deletes an object only with the files that were previewed, and with all."""
        taken: dict[int, set[FileId]] = defaultdict(set)
        for entry in self.tables.entries:
            taken[entry["removal_id"]].add(_file_of(entry))
        for removal, previews in self.meant.previews.items():
            possible = {file for preview in previews.values() for file in preview.possible}
            for file in taken[removal] - possible:
                text = f"removal {removal} took another file"
                yield Breach("4 not previewed", text, key_of(file[3]), file[:2])
        for batch in self.tables.batches:
            removal = batch["removal_id"]
            previews = self.meant.previews.get(removal, {})
            for key in _deleted_keys(batch) & previews.keys():
                for file in previews[key].certain - taken[removal]:
                    text = f"removal {removal} deleted {key} without this file"
                    yield Breach("4 not previewed", text, key_of(file[3]), file[:2])

    def _removals(self) -> Iterator[Breach]:
        """2: every object of a removal is accounted for."""
        for removal, state in self.tables.removals.items():
            if state not in FINISHED:
                yield Breach("2 removal without an end", f"removal {removal} is {state}")
        for batch in self.tables.batches:
            where = f"batch {batch['number']} of removal {batch['removal_id']}"
            if self.tables.removals[batch["removal_id"]] != "done":
                continue
            left = len(batch["changed"]) + len(batch["already_deleted"])
            if batch["state"] != DELETED:
                yield Breach(
                    "2 batch without an end", f"{where} is {batch['state']}: {batch['error']}"
                )
            elif len(batch["frozen"]) - left != batch["deleted_total"]:
                yield Breach("2 objects are not accounted for", f"{where}: {batch}")


def _file_of(entry: Mapping[str, Any]) -> FileId:
    return entry["object_label"], entry["object_key"], entry["field"], entry["name"]


def _deleted_keys(batch: Mapping[str, Any]) -> set[str]:
    """Return the keys of the objects that a batch reports as deleted by itself."""
    if batch["state"] != DELETED:
        return set()
    left = {*map(str, batch["changed"]), *map(str, batch["already_deleted"])}
    return {str(key) for key, _digest in batch["frozen"]} - left
