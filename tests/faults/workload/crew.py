"""The workers of a round, which are killed, suspended, resumed and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.services.processes import running
from tests.services.workers import CLOCK, DB_WORKER

ACTOR = (sys.executable, "-m", "tests.faults.workload.actor")
PURGE = (*ACTOR, "purge")
MANAGE = (sys.executable, "manage.py")
# Two that work without a pause, one that waits for tasks, and the scheduler.
COMMANDS = (PURGE, PURGE, (*MANAGE, *DB_WORKER), (*MANAGE, *CLOCK))

Process = subprocess.Popen[bytes]


class Crew:
    """The processes that delete batches and purge."""

    def __init__(self, logs: Path, env: Mapping[str, str], stack: ExitStack) -> None:
        self._logs, self._env, self._stack = logs, env, stack
        self._started = 0
        self.commands: dict[Process, tuple[str, ...]] = {}

    @property
    def members(self) -> list[Process]:
        """Return those that were not killed."""
        return list(self.commands)

    def start(self, *commands: tuple[str, ...]) -> None:
        """Start workers."""
        for command in commands:
            self._started += 1
            log = self._logs / f"worker-{self._started}.log"
            process = self._stack.enter_context(running(command, log=log, env=self._env))
            self.commands[process] = command

    def kill(self, process: Process) -> tuple[str, ...]:
        """Kill a worker without a warning; return its command."""
        self._signal(process, signal.SIGKILL)
        process.wait()
        return self.commands.pop(process)

    def suspend(self, process: Process) -> None:
        """Suspend a worker."""
        self._signal(process, signal.SIGSTOP)

    def resume(self, process: Process) -> None:
        """Resume a worker."""
        self._signal(process, signal.SIGCONT)

    def died(self) -> list[Process]:
        """Return the workers that exited on their own, and forget them."""
        dead = [process for process in self.commands if process.poll() is not None]
        for process in dead:
            del self.commands[process]
        return dead

    def _signal(self, process: Process, number: signal.Signals) -> None:
        if process.poll() is None:
            os.killpg(process.pid, number)
