"""One round: all parts are started, left to each other for a while, and judged in the end."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.workload import tables
from tests.faults.workload.actor import READY
from tests.faults.workload.checker import Breach, Checker
from tests.faults.workload.crew import ACTOR, COMMANDS, MANAGE, Crew
from tests.faults.workload.database import SETTINGS, Database
from tests.faults.workload.file_stores import Bucket, FileStore
from tests.faults.workload.gate import Gate
from tests.faults.workload.journal import Journal, read
from tests.faults.workload.reader import Reader
from tests.faults.workload.report import Report
from tests.faults.workload.slow_database import detour
from tests.faults.workload.weather import LEASE_SECONDS, Weather
from tests.services.faulty_proxy import FaultyProxy, faulty_proxy
from tests.services.processes import ROOT, running, stop, wait_until

# Processes, and actors in each.
USERS = {"user-0": 2, "user-1": 2}
MODERATORS = {"moderator-": 3}
START_SECONDS = 180
COMMAND_SECONDS = 300
# Seconds in which the workers must come to an end once nobody adds anything.
DRAIN_SECONDS = 180
# Seconds in which they must find what is kept and in use by nobody.
KEPT_SECONDS = 60
PATIENCE = 0.5
LIMITS = {
    "MODERATION_BATCH_OBJECTS": "4",
    "MODERATION_REQUEST_KEYS": "50",
    "MODERATION_REQUESTS": "2",
    "MODERATION_LEASE_SECONDS": str(LEASE_SECONDS),
    "MODERATION_RECHECK_MINUTES": "1",
    "MODERATION_DAILY_CEILING": "100000000",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Round:
    """What a round needs. `folder` is its own and empty."""

    seed: int
    seconds: float
    file_store: FileStore
    open_database: Callable[[], Database]
    folder: Path
    kept_is_checked: bool = True

    def run(self) -> Report:
        """Run it; return what was seen."""
        began = time.monotonic()
        self.file_store.prepare()
        self._command(*MANAGE, "mark_storage", "default")
        with ExitStack() as stack:
            proxy, url = self._proxy(stack), self._slow_url(stack)
            crew = Crew(self.folder, self._env(proxy, url), stack)
            weather = Weather(
                f"{self.seed}/weather",
                crew=crew,
                file_store=self.file_store,
                gate=Gate(self.folder),
                journal=stack.enter_context(closing(Journal(self.folder, "weather"))),
                open_database=self.open_database,
                proxy=proxy,
            )
            reader = Reader(self.file_store, weather.away, self.open_database)
            crew.start(*COMMANDS)
            self._let_them_act(stack, weather, reader, self._env(url=url))
            breaches = self._drain()
            ended_by_themselves = crew.died()
            for process in crew.members:
                stop(process)
        breaches += [Breach("0 worker ended", str(p.args)) for p in ended_by_themselves]
        return self._judge(breaches, weather, reader, time.monotonic() - began)

    def _let_them_act(
        self, stack: ExitStack, weather: Weather, reader: Reader, env: Mapping[str, str]
    ) -> None:
        processes = []
        for role, names in (("users", USERS), ("moderators", MODERATORS)):
            for name, count in names.items():
                command = (*ACTOR, role, "--name", name, "--count", str(count))
                own = ("--seed", str(self.seed), "--folder", str(self.folder))
                log = self.folder / f"{name}.log"
                started = running((*command, *own), log=log, env=env)
                processes.append(stack.enter_context(started))
        actors = sum(USERS.values()) + sum(MODERATORS.values())
        ready = f'"{READY}"'
        wait_until(
            lambda: sum(ready in f.read_text() for f in self.folder.glob("*.jsonl")) == actors,
            seconds=START_SECONDS,
            what=f"all actors ({self.folder})",
        )
        with in_thread(reader.run, reader.stopping), in_thread(weather.run, weather.stopping):
            time.sleep(self.seconds)
        for process in processes:
            _end(process, self.folder)

    def _drain(self) -> list[Breach]:
        """Let the workers run until nothing is due; time passes quickly for what waits.

        Twice: what failed while a storage was disturbed is tried once more. What is kept for nobody
        comes up again after a while, and is work once more.
        """
        with closing(self.open_database()) as database:
            for _ in range(2):
                self._command(*ACTOR, "tidy", "--folder", str(self.folder))
                _wait_while(tables.is_work_left, database, DRAIN_SECONDS)
            if self.kept_is_checked:
                _wait_while(tables.is_kept_for_nobody, database, KEPT_SECONDS)
                _wait_while(tables.is_work_left, database, DRAIN_SECONDS)
            if tables.is_work_left(database):
                return [Breach("2 work is left", f"after {DRAIN_SECONDS} seconds")]
        return []

    def _judge(
        self, breaches: list[Breach], weather: Weather, reader: Reader, seconds: float
    ) -> Report:
        with closing(self.open_database()) as database:
            found, facts = tables.read(database), read(self.folder)
        stored = self.file_store.digests()
        checker = Checker(facts, found, stored, kept_is_checked=self.kept_is_checked)
        breaches = [*breaches, *checker.breaches(), *reader.breaches]
        breaches += [
            Breach("6 another store was touched", p) for p in self.file_store.decoy_problems()
        ]
        return Report(
            self.seed, type(self.file_store).__name__, seconds, facts, found, len(stored),
            reader.looks, weather.done, breaches,
        )  # fmt: skip

    def _env(self, proxy: FaultyProxy | None = None, url: str = "") -> dict[str, str]:
        env = LIMITS | self.file_store.environment()
        env |= {"DATABASE_URL": url or self._url(), "DJANGO_SETTINGS_MODULE": SETTINGS}
        return env | ({"S3_ENDPOINT_URL": proxy.endpoint} if proxy else {})

    def _url(self) -> str:
        with closing(self.open_database()) as database:
            return database.url

    def _slow_url(self, stack: ExitStack) -> str:
        """Return the database's URL for users and workers: a detour where there is a server."""
        url = self._url()
        if url.startswith("sqlite"):
            return url
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="workload-")))
        return stack.enter_context(detour(url, folder / "server"))

    def _proxy(self, stack: ExitStack) -> FaultyProxy | None:
        if isinstance(self.file_store, Bucket):
            return stack.enter_context(faulty_proxy(self.file_store.server.endpoint))
        return None

    def _command(self, *command: str) -> None:
        """Run a program to its end. Raises CalledProcessError, with what it said in the log."""
        with (self.folder / "commands.log").open("ab") as log:
            subprocess.run(
                command,
                cwd=ROOT,
                env=os.environ | self._env(),
                stdout=log,
                stderr=log,
                check=True,
                timeout=COMMAND_SECONDS,
            )


def _wait_while(is_left: Callable[[Database], bool], database: Database, seconds: float) -> None:
    end = time.monotonic() + seconds
    while is_left(database) and time.monotonic() < end:
        tables.let_time_pass(database)
        time.sleep(PATIENCE)


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Ask actors to finish what they have begun. Raises where they broke down."""
    process.terminate()
    if process.wait(COMMAND_SECONDS) != 0:
        raise AssertionError(f"{process.args!r} ended with {process.returncode} ({folder})")


@contextmanager
def in_thread(run: Callable[[], None], stopping: threading.Event) -> Iterator[None]:
    """Run a function beside; stop it at the end, and raise what it raised."""
    errors: list[BaseException] = []

    def record_errors() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=record_errors)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    if errors:
        raise errors[0]
