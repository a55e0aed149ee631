"""`make run` restarts a worker that exits, after a pause, and ends with the server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from project import gunicorn, run
from project.run import RESTART_SECONDS, RunError


class Machine:
    """A clock that stands still, and processes that exit when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.started: list[Sequence[str]] = []
        self.codes: list[int | None] = []

    def start(self, process: Any) -> None:
        number = len(self.started)
        self.started.append(process._arguments)
        self.codes.append(None)
        process._running = SimpleNamespace(poll=lambda: self.codes[number])

    def exit(self, code: int = 1) -> None:
        """End the process that was started last."""
        self.codes[-1] = code


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    # A bound method would not be given the process.
    monkeypatch.setattr(run._Process, "_start", lambda process: made.start(process))  # noqa: PLW0108
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def test_running_process_is_left_alone(machine: Machine) -> None:
    process = run._Process("worker", ["db_worker"])
    for _ in range(3):
        process.supervise()
    assert machine.started == [["db_worker"]]


def test_exited_worker_is_restarted_after_a_pause(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    process = run._Process("worker", ["db_worker"])
    machine.exit(7)
    process.supervise()
    assert len(machine.started) == 1
    machine.now += RESTART_SECONDS - 0.1
    process.supervise()
    assert len(machine.started) == 1
    machine.now += 0.1
    process.supervise()
    assert machine.started == [["db_worker"]] * 2
    assert capsys.readouterr().out == "The worker exited with code 7; restarting in 3 s.\n"


def test_worker_that_exits_again_and_again_is_restarted_each_time(machine: Machine) -> None:
    process = run._Process("scheduler", ["purge", "--loop"])
    for _ in range(5):
        machine.exit()
        process.supervise()
        machine.now += RESTART_SECONDS
        process.supervise()
    assert machine.started == [["purge", "--loop"]] * 6


def test_end_of_the_server_ends_the_site(machine: Machine) -> None:
    processes = [run._Process(name, [name]) for name in ("worker", "server")]
    machine.exit(3)
    with pytest.raises(RunError, match="The server exited with code 3; stopping the other"):
        run._supervise(processes)
    assert len(machine.started) == 2


def test_server_that_does_not_respond_in_time_ends_the_site(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def sleep(seconds: float) -> None:
        machine.now += 20 * seconds

    with socket.socket() as taken:
        taken.bind((run.HOST, 0))  # nobody else listens there, and neither does this socket
        settings.PORT = taken.getsockname()[1]
        monkeypatch.setattr(time, "sleep", sleep)
        with pytest.raises(RunError, match="The server did not respond within 60 seconds"):
            run._await_server([run._Process("server", ["runserver"])])


def test_port_that_another_program_has_is_refused_by_number() -> None:
    with socket.socket() as taken:
        taken.bind((run.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=rf"^PORT={port}: this port cannot be used \(Address"):
            run._refuse_taken_port(port)
    run._refuse_taken_port(port)


@pytest.mark.parametrize(
    ("backend", "worker"),
    [
        ("database", ("db_worker", "--no-reload")),
        ("rq", ("rqworker", "default", "--job-class", "django_tasks_rq.Job")),
    ],
)
def test_worker_is_that_of_the_queue(backend: str, worker: tuple[str, ...], settings: Any) -> None:
    settings.TASKS_BACKEND, settings.PORT = backend, 8_123
    commands = run._commands()
    assert list(commands) == ["server", "worker", "scheduler"]
    assert commands["worker"] == worker
    assert commands["server"][-1] == "127.0.0.1:8123"


@pytest.mark.parametrize("debug", [True, False])
def test_passwords_of_the_demo_are_printed_only_under_debug(
    debug: bool, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DEBUG = debug
    run._welcome()
    printed = capsys.readouterr().out
    assert ("moderator" in printed) is debug
    assert "Press Ctrl-C to stop." in printed


def test_process_that_does_not_exit_is_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "STOP_SECONDS", 0.2)
    handlers = {number: signal.getsignal(number) for number in (1, 2, 15)}
    deaf = "import signal as s, time; s.signal(15, s.SIG_IGN); print(1, flush=True); time.sleep(60)"
    monkeypatch.setattr(run._Process, "_start", lambda _process: None)
    process = run._Process("worker", ["db_worker"])
    process._running = running = subprocess.Popen(
        [sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True
    )
    assert running.stdout
    running.stdout.readline()  # it ignores the signal from here on
    try:
        run._stop([process])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        running.stdout.close()
    assert running.returncode == -signal.SIGKILL
    assert capsys.readouterr().out == "Stopped.\n"
    process.send_signal(signal.SIGTERM)  # one that has exited is left alone
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


def test_gunicorn_limits_the_time_to_receive_and_not_the_time_to_send() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        gunicorn.when_ready(SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        size = 16
        receive = listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, size)
        send = listener.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, size)
    assert int.from_bytes(receive[:8], sys.byteorder) == gunicorn.RECEIVE_TIMEOUT
    assert send == b"\0" * size
