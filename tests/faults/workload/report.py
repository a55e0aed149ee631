"""What a round did, and the history of what went wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.faults.workload.checker import Breach
from tests.faults.workload.journal import Fact
from tests.faults.workload.tables import Tables, key_of
from tests.faults.workload.weather import counts

# Histories in full; of the other breaches a line.
HISTORIES_A_RULE = 2
LINES_A_RULE = 5
LONGEST = 1500


@dataclass
class Report:
    """The numbers of a round and its breaches."""

    seed: int
    store: str
    seconds: float
    facts: list[Fact]
    tables: Tables
    stored: int
    looks: int
    weather: Counter[str]
    breaches: list[Breach] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the summary."""
        actions: Counter[str] = Counter()
        for fact in self.facts:
            if fact["type"] == "done":
                actions.update(fact["actions"])
        states = Counter(entry["state"] for entry in self.tables.entries)
        yield f"seed {self.seed} on {self.store}, {self.seconds:.0f} s"
        yield f"  actions: {counts(actions)}"
        yield f"  removals: {counts(Counter(self.tables.removals.values()))}"
        yield f"  entries: {counts(states)}; {self.stored} files stored, {self.looks} looks"
        yield f"  weather: {counts(self.weather)}"
        rules = Counter(breach.rule for breach in self.breaches)
        yield f"  breaches: {counts(rules) or 'none'}"

    def details(self) -> Iterator[str]:
        """Yield the breaches of each rule, the first ones with the history of their key."""
        shown: Counter[str] = Counter()
        for breach in sorted(self.breaches, key=lambda b: b.rule):
            shown[breach.rule] += 1
            if shown[breach.rule] <= LINES_A_RULE:
                yield f"BREACH {breach.rule}: {breach.key} {breach.row or ''} {breach.text}"
            if shown[breach.rule] <= HISTORIES_A_RULE:
                yield from (f"    {line[:LONGEST]}" for line in self._history(breach))

    def _history(self, breach: Breach) -> Iterable[str]:
        """Return journal, entries and rows of a key, or of a row where none is named."""
        for fact in self.facts:
            named = breach.key in _keys(fact) if breach.key else _is_about(fact, breach)
            if named or _deletes(fact, breach):
                yield json.dumps(fact)
        for entry in self.tables.entries:
            if breach.key and key_of(entry["name"]) == breach.key:
                values = {
                    name: str(value) for name, value in entry.items() if value not in (None, "")
                }
                yield f"entry {values}"
        rows = [*self.tables.users.get(breach.key, []), breach.row]
        for row in filter(None, rows):
            yield f"row {row} {self.tables.rows.get(row, 'is gone')}"


def _keys(fact: Fact) -> set[str]:
    """Return the storage keys that a fact speaks of."""
    names = [file[0] for file in fact.get("files", {}).values()] + fact.get("names", [])
    previews = [files for side in fact.get("previews", ()) for files in side.values()]
    names += [name for files in previews for *_row, name in files]
    return {key_of(name) for name in names}


def _is_about(fact: Fact, breach: Breach) -> bool:
    return breach.row == (fact.get("label"), str(fact.get("key")))


def _deletes(fact: Fact, breach: Breach) -> bool:
    if breach.row is None or fact.get("label") != breach.row[0]:
        return False
    return int(breach.row[1]) in fact.get("keys", ())
