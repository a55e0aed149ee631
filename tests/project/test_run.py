"""The program behind `make run` starts three processes and never leaves one behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.processes import ROOT, answers, free_port, running, wait_until

READY = "Press Ctrl-C to stop."
START_SECONDS = 180  # migrating and collecting static files included, on a machine that may be slow
STOP_SECONDS = 60


class Site:
    """A site that `project.run` runs on files of its own, and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.port = port

    def printed(self) -> str:
        return self.log.read_text()

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in listed.split()]

    def child(self, argument: str) -> int:
        """Return the child whose command line has the argument."""
        for number in self.children():
            if argument in Path(f"/proc/{number}/cmdline").read_text().split("\0"):
                return number
        raise LookupError(argument)

    def has(self, argument: str, *, other_than: int) -> bool:
        """Return whether another child with the argument is running."""
        try:
            return self.child(argument) != other_than
        except (LookupError, OSError):
            return False


def variables(folder: Path, port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "PORT": str(port),
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "project.run"]
    with running(command, log=log, env=variables(tmp_path, port)) as process:
        site = Site(process, log, port)
        wait_until(lambda: READY in site.printed(), seconds=START_SECONDS, what=READY)
        yield site


def gone(number: int) -> bool:
    return not Path(f"/proc/{number}").exists()


def test_ctrl_c_stops_all_three_processes(site: Site) -> None:
    assert f"http://127.0.0.1:{site.port}/" in site.printed()
    children = site.children()
    assert len(children) == 3
    os.killpg(site.process.pid, signal.SIGINT)  # as a terminal does
    assert site.process.wait(STOP_SECONDS) == 0
    assert all(gone(number) for number in children)
    assert not answers(site.port)


def test_two_signals_at_once_leave_no_process_behind(site: Site) -> None:
    """As when `make` gets SIGTERM and passes it on to a program that has also received it."""
    children = site.children()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.killpg(site.process.pid, number)
    assert site.process.wait(STOP_SECONDS) == 0
    assert all(gone(number) for number in children)


def test_when_the_server_dies_the_others_are_stopped_and_it_says_so(site: Site) -> None:
    children = site.children()
    os.kill(site.child("runserver"), signal.SIGKILL)
    assert site.process.wait(STOP_SECONDS) == 1
    assert "The server exited with code -9" in site.printed()
    assert all(gone(number) for number in children)


@pytest.mark.parametrize("command", ["db_worker", "purge"])
def test_a_worker_or_clock_that_ends_is_started_again(site: Site, command: str) -> None:
    first = site.child(command)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: site.has(command, other_than=first), what=f"another {command}")
    assert "exited with code -9; restarting in 3 s." in site.printed()
    assert site.process.poll() is None


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "project.run"],
            cwd=ROOT,
            env={**os.environ, **variables(tmp_path, port)},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"PORT={port}: this port cannot be used")
