"""Faults of workers and storage under load: kills, suspensions, disturbances."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.faults.workload import plan
from tests.faults.workload.crew import Crew, Process
from tests.faults.workload.database import Database
from tests.faults.workload.disturbances import disturbance
from tests.faults.workload.file_stores import Disk, FileStore
from tests.faults.workload.gate import Gate
from tests.faults.workload.journal import Journal
from tests.faults.workload.tables import leased
from tests.services.faulty_proxy import FaultyProxy

LEASE_SECONDS = 3
# Seconds to wait for a worker to claim something, and for others to take over.
LOOK_FOR_A_LEASE = 3.0
TAKE_OVER = 6.0


class Weather:
    """Draws faults from the seed and causes them until it is stopped."""

    def __init__(
        self,
        seed: str,
        *,
        crew: Crew,
        file_store: FileStore,
        gate: Gate,
        journal: Journal,
        open_database: Callable[[], Database],
        proxy: FaultyProxy | None,
    ) -> None:
        self.crew, self.file_store, self.gate = crew, file_store, gate
        self.journal, self.proxy = journal, proxy
        self.dice = random.Random()  # noqa: S311 - replaced at each step
        self.stopping = threading.Event()
        self.done: Counter[str] = Counter()
        self.away = threading.Event()  # set while the storage cannot be read
        self._open = open_database
        weights = plan.WEATHER_ON_DISK if isinstance(file_store, Disk) else plan.WEATHER_IN_BUCKET
        self._steps = plan.steps(seed, weights, plan.WEATHER_PAUSE)

    def run(self) -> None:
        """Run until stopped; afterwards nothing is suspended, away or disturbed."""
        self.database = self._open()
        for step in self._steps:
            if self.stopping.wait(step.pause):
                break
            self.dice = step.dice
            self.crew.start(*self._ended_by_themselves())
            self.journal.note("weather", action=step.action)
            getattr(self, step.action)()
            self.done[step.action] += 1
        self.database.close()

    def _ended_by_themselves(self) -> Iterator[tuple[str, ...]]:
        commands = dict(self.crew.commands)
        for process in self.crew.died():
            self.journal.note("unexpected", action="worker", trace=f"{commands[process]} ended")
            yield commands[process]

    def kill(self) -> None:
        """Kill one or two workers soon after a claim; restart them after a while."""
        self._wait_for_a_lease()
        members = self.crew.members
        victims = self.dice.sample(members, min(len(members), self.dice.choice([1, 1, 2])))
        commands = [self.crew.kill(victim) for victim in victims]
        self.stopping.wait(self.dice.uniform(0, 1))
        self.crew.start(*commands)

    def suspend(self) -> None:
        """Suspend all workers that may have claimed something, for longer than their leases.

        Some are resumed first and take over what has expired. The others are resumed after users
        have had time to store something under the names that became free.
        """
        self._wait_for_a_lease(of="documents/")
        members = self.crew.members
        self.dice.shuffle(members)
        with self._suspended(*members):
            since = datetime.now(UTC)
            held = self._leased(since.timestamp())
            self.journal.note("suspended", names=held)
            self.done["suspend with a claim"] += bool(held)
            self.stopping.wait(LEASE_SECONDS + 0.5)
            for process in members[: len(members) // 2]:
                self.crew.resume(process)
            self._wait_for_a_take_over(since)
            self.journal.note("taken over", names=held)
            self.stopping.wait(self.dice.uniform(0.5, 2.5))
            self.journal.note("resumed", names=held)

    def stutter(self) -> None:
        """Suspend workers for moments, to make the time between two of their steps longer."""
        for _ in range(self.dice.randint(5, 25)):
            process = self.dice.choice(self.crew.members)
            with self._suspended(process):
                time.sleep(self.dice.uniform(0.005, 0.15))
            time.sleep(self.dice.uniform(0, 0.05))

    def rename_folder(self) -> None:
        """Take the media folder away for a while; sometimes an empty one is in its file_store."""
        disk = self.file_store
        assert isinstance(disk, Disk)
        with self.gate.shut():
            self.away.set()
            self._wait_for_a_lease()
            elsewhere = disk.root.with_name("media-elsewhere")
            disk.root.rename(elsewhere)
            if self.dice.random() < 0.5:
                disk.root.mkdir()
            self.stopping.wait(self.dice.choice([0.02, 0.05, 0.2, 0.2, LEASE_SECONDS + 1.0]))
            shutil.rmtree(disk.root, ignore_errors=True)  # a folder that a worker made, too
            elsewhere.rename(disk.root)
            self.away.clear()

    def disturb_requests(self) -> None:
        """Make the proxy disturb the workers' requests."""
        assert self.proxy is not None
        self.proxy.faults[:] = [disturbance(self.dice)]
        self.stopping.wait(self.dice.uniform(0.2, 3))
        self.proxy.faults.clear()

    @contextmanager
    def _suspended(self, *processes: Process) -> Iterator[None]:
        for process in processes:
            self.crew.suspend(process)
        try:
            yield
        finally:
            for process in processes:
                self.crew.resume(process)

    def _wait_for_a_lease(self, *, of: str = "") -> None:
        """Wait until a worker has just claimed something, in a folder, and then a moment more."""
        end = time.monotonic() + LOOK_FOR_A_LEASE
        while time.monotonic() < end and not self.stopping.is_set():
            names = self._leased(datetime.now(UTC).timestamp() + LEASE_SECONDS - 0.3)
            if sum(name.startswith(of) for name in names) > (3 if of else 0):
                break
        time.sleep(self.dice.choice([0, 0, 0.001, 0.005, 0.02]))

    def _wait_for_a_take_over(self, since: datetime) -> None:
        """Wait until others have claimed and released what had expired, or for a while."""
        end = time.monotonic() + TAKE_OVER
        seen = False
        while time.monotonic() < end and not self.stopping.is_set():
            leased = self._leased(since.timestamp() + LEASE_SECONDS)
            if seen and not leased:
                return
            seen = seen or bool(leased)
            time.sleep(0.02)

    def _leased(self, after: float) -> list[str]:
        moment = datetime.fromtimestamp(after, UTC)
        known = (
            moment if self.database.vendor != "sqlite" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        )
        return leased(self.database, known)


def counts(done: Mapping[str, int]) -> str:
    """Return numbers by name, the most frequent first."""
    return ", ".join(f"{number} {name}" for name, number in Counter(done).most_common())
