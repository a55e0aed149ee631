"""Processes that are killed in the middle of a removal, and a database server that goes away.

KILL_ROUNDS, KILL_POSTS and KILL_SEED make it longer, larger and different: see `make faults`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from moderation.models import Removal
from tests.faults import checker, database_server
from tests.faults.conftest import MakeWave, Wave
from tests.faults.file_stores import FileStore
from tests.services.processes import wait_until
from tests.services.workers import CLOCK, DB_WORKER, worker

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
POSTS = int(os.environ.get("KILL_POSTS", "120"))
FIRST_SEED = int(os.environ.get("KILL_SEED", "0"))
RESTARTS = max(1, ROUNDS // 10)

# Seconds. A lease of two seconds and a clock that takes over after ten; the rest is for the work,
# on a machine that may be slow.
LONGEST_WAIT = 180 + POSTS / 20
# Seconds that a kill comes after the step it waited for, at most: somewhere within the next one.
JITTER = 0.15
LOG_LENGTH = 2_000  # characters of each process's log in the report of a failure
STEPS = 20

# Small batches and batches, one request at a time: many moments at which a kill can hit.
SMALL_STEPS = {
    "MODERATION_REQUEST_KEYS": str(max(1, POSTS * 2 // STEPS)),
    "MODERATION_REQUESTS": "1",
    "MODERATION_LEASE_SECONDS": "2",
    "LOG_LEVEL": "INFO",
}


def seeds(rounds: int) -> range:
    """Yield the seed of each round; a failed one is repeated by KILL_SEED and `-k`."""
    return range(FIRST_SEED, FIRST_SEED + rounds)


@pytest.fixture
def wave(file_store: FileStore, make_wave: MakeWave, settings: object) -> Wave:
    settings.MODERATION_BATCH_OBJECTS = max(1, min(500, POSTS // STEPS))  # type: ignore[attr-defined]
    return make_wave(POSTS, file_store)


class Crew:
    """The processes that do the work, and their ends."""

    def __init__(self, wave: Wave, logs: Path, stack: ExitStack) -> None:
        self.env: Mapping[str, str] = SMALL_STEPS | wave.file_store.environment()
        self.logs = logs
        self.stack = stack
        self.members: list[subprocess.Popen[bytes]] = []

    def start(self, *commands: tuple[str, ...]) -> None:
        """Start processes of manage.py."""
        for command in commands:
            log = self.logs / f"{command[0]}-{len(self.members)}"
            self.members.append(self.stack.enter_context(worker(*command, log=log, env=self.env)))

    def kill(self, members: list[subprocess.Popen[bytes]]) -> None:
        """Kill processes without a warning."""
        for process in members:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for process in members:
            process.wait()

    def revive(self) -> None:
        """Restart what has ended, as whatever supervises the processes would."""
        ended = [process for process in self.members if process.poll() is not None]
        for process in ended:
            self.members.remove(process)
            command = CLOCK if CLOCK[0] in process.args else DB_WORKER  # type: ignore[operator]
            self.start(command)

    def last_lines(self) -> str:
        """Return the ends of the processes' logs."""
        logs = sorted(self.logs.glob("*-*"))
        return "\n".join(f"{log.name}: {log.read_text()[-LOG_LENGTH:]}" for log in logs)


@pytest.fixture
def crew(wave: Wave, tmp_path: Path) -> Iterator[Crew]:
    with ExitStack() as stack:
        yield Crew(wave, tmp_path, stack)


def share_done(removal: Removal) -> float:
    """How much of a removal is done: batches and keys count half each."""
    batches = removal.batches.count()
    deleted = removal.batches.filter(state="deleted").count() / batches
    states = checker.states(removal.pk)
    ended = sum(states[state] for state in checker.ENDED) / removal.files_total
    return (deleted + ended) / 2


def wait_for_share(removal: Removal, share: float) -> None:
    wait_until(
        lambda: share_done(removal) >= share, seconds=LONGEST_WAIT, what=f"{share:.0%} of the work"
    )


def wait_until_done(removal: Removal, crew: Crew) -> None:
    """Keep the processes alive until the removal is done."""

    def done() -> bool:
        crew.revive()
        return Removal.objects.filter(pk=removal.pk, state="done").exists()

    try:
        wait_until(done, seconds=LONGEST_WAIT, what="the end of the removal")
    except TimeoutError as error:
        batches = list(removal.batches.order_by("number").values_list("state", "due_at"))
        states = checker.states(removal.pk)
        raise AssertionError(f"{error}: {batches} {states}\n{crew.last_lines()}") from error


@contextmanager
def printed(seed: int, what: str) -> Iterator[None]:
    """Print what a round does and how long it takes."""
    began = time.monotonic()
    yield
    print(f"seed {seed}: {what}; {time.monotonic() - began:.1f} s")  # noqa: T201 - its report


@pytest.mark.parametrize("seed", seeds(ROUNDS))
def test_nothing_is_lost_when_processes_are_killed(seed: int, wave: Wave, crew: Crew) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test
    crew.start(DB_WORKER, DB_WORKER, CLOCK)
    removal = wave.remove()
    share, late = dice.uniform(0, 0.97), dice.uniform(0, JITTER)
    victims = dice.sample(crew.members, dice.randint(1, 3))
    with printed(seed, f"{len(victims)} of 3 processes killed at {share:.0%} and {late:.2f} s"):
        wait_for_share(removal, share)
        time.sleep(late)
        crew.kill(victims)
        wait_until_done(removal, crew)
    assert wave.problems(removal) == []


def test_nothing_is_lost_when_purge_by_hand_is_killed_again_and_again(
    wave: Wave, crew: Crew
) -> None:
    removal = wave.remove()
    for share in (0.2, 0.4, 0.6, 0.8):
        crew.start(("purge",))
        wait_for_share(removal, share)
        crew.kill(crew.members)
    crew.start(DB_WORKER, CLOCK)
    wait_until_done(removal, crew)
    assert wave.problems(removal) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server to stop")
@pytest.mark.parametrize("seed", seeds(RESTARTS))
def test_nothing_is_lost_when_the_database_server_goes_away(
    seed: int, wave: Wave, crew: Crew
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test
    how = dice.choice(["fast", "immediate"])
    crew.start(DB_WORKER, CLOCK)
    scheduler = crew.members[-1]
    with database_server.durable(), printed(seed, f"server stopped ({how})"):
        removal = wave.remove()
        wait_for_share(removal, dice.uniform(0, 0.9))
        time.sleep(dice.uniform(0, JITTER))
        with database_server.stopped(how):
            time.sleep(dice.uniform(0.5, 2))
        wait_until_done(removal, crew)
    assert scheduler.poll() is None, "it continues by itself when the server is back"
    assert wave.problems(removal) == []
