"""Reads live rows while everything runs, and looks whether their files are there."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from tests.faults.workload.checker import Breach
from tests.faults.workload.database import Database
from tests.faults.workload.file_stores import FileStore
from tests.faults.workload.tables import TABLES, RowId, key_of, live_rows

# Seconds for which a row must name a file that is not there. A row that is refused after it was
# inserted may be seen for a moment; nothing that suspends a process does so for longer.
BELIEVED_AFTER = 12.0
ROWS = 25
PAUSE = 0.05


class Reader:
    """Looks at some rows at a time; `breaches` has what was seen for long enough."""

    def __init__(
        self,
        file_store: FileStore,
        away: threading.Event,
        open_database: Callable[[], Database],
    ) -> None:
        self.breaches: list[Breach] = []
        self.looks = 0
        self.stopping = threading.Event()
        self._file_store, self._away, self._open = file_store, away, open_database
        self._missing: dict[tuple[RowId, str], float] = {}

    def run(self) -> None:
        """Read until told to stop."""
        self._database = self._open()
        dice = random.Random()  # noqa: S311 - what it happens to read is not part of the plan
        while not self.stopping.wait(PAUSE):
            label = dice.choice(list(TABLES))
            table = TABLES[label].name
            [(highest,)] = self._database.query(f"SELECT max(id) FROM {table}")
            start = dice.randint(0, highest or 0)
            rows = live_rows(self._database, label, f"WHERE id >= {start} ORDER BY id LIMIT {ROWS}")
            for key, names in rows.items():
                for name in names.values():
                    self._look((label, str(key)), key_of(name))
            self._compare_again()
        self._database.close()

    def _look(self, row: RowId, key: str) -> None:
        self.looks += 1
        if not self._has(key):
            self._missing.setdefault((row, key), time.monotonic())

    def _compare_again(self) -> None:
        """Drop what was cleared up; believe what lasts."""
        for (row, key), since in list(self._missing.items()):
            names = live_rows(self._database, row[0], f"WHERE id = {int(row[1])}")
            still = key in map(key_of, names.get(int(row[1]), {}).values())
            if not still or self._has(key):
                del self._missing[row, key]
            elif time.monotonic() - since > BELIEVED_AFTER:
                at = time.strftime("%H:%M:%S")
                self.breaches.append(
                    Breach("5 file erased under a live row", f"seen at {at}", key, row)
                )
                del self._missing[row, key]

    def _has(self, key: str) -> bool:
        """Return whether a file is there, or cannot be looked for at the moment."""
        return self._away.is_set() or self._file_store.has(key) or self._away.is_set()
