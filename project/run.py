"""`make run`: prepare the site, run its three processes, and stop all of them together."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from posts.fixtures.demo_accounts import ACCOUNTS
from project import environment

HOST = "127.0.0.1"
POLL_SECONDS = 0.2
READY_SECONDS = 60  # until the server must respond; a cold start on a slow disk takes a few
RESTART_SECONDS = 3  # pause before a worker or scheduler that exited is restarted
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 15  # to finish a task; a worker that takes longer is killed, and its lease expires


class RunError(Exception):
    """The site cannot start, or cannot continue; the message says why."""


EXPECTED = (RunError, environment.EnvironmentVariableError, CommandError, OperationalError)


def main() -> int:
    """Run the site until Ctrl-C; return the exit code, 1 after an error."""
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _read_settings()
        _refuse_taken_port(settings.PORT)
        _prepare()
        _run(_commands())
    except KeyboardInterrupt:
        return 0
    except EXPECTED as error:
        print(error, file=sys.stderr)  # noqa: T201 (the program's output)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Interrupt the program once; a second signal must not leave processes behind."""
    _ignore_stop_signals()
    raise KeyboardInterrupt


def _ignore_stop_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (the program's output)


def _read_settings() -> None:
    """Load the settings. DEBUG defaults to true here."""
    environment.read_site_file()
    os.environ["DEBUG"] = environment.text("DEBUG", "true")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()


def _refuse_taken_port(port: int) -> None:
    """Raise RunError if another process listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(
                f"PORT={port}: this port cannot be used ({error.strerror}): "
                "stop the program that listens there, or set PORT to another port"
            ) from None


def _prepare() -> None:
    """Migrate the database, and load the demo site into an empty one."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - after django.setup()

    call_command("check")
    _say("Preparing the database")
    call_command("migrate", verbosity=0)
    call_command("mark_storage", stdout=io.StringIO())  # prints only errors
    if settings.DEBUG and not get_user_model().objects.exists():
        _say("Loading the demo site")
        call_command("restore_fixtures", "demo")
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()


def _commands() -> Mapping[str, Sequence[str]]:
    """Return the arguments of manage.py for each process, by the name of the process."""
    worker: Sequence[str] = ("db_worker", "--no-reload")
    if settings.TASKS_BACKEND == "rq":
        worker = ("rqworker", "default", "--job-class", "django_tasks_rq.Job")
    return {
        "server": ("runserver", "--noreload", f"{HOST}:{settings.PORT}"),
        "worker": worker,
        "scheduler": ("purge", "--loop"),
    }


class _Process:
    """A process of the site. `supervise` restarts it after an exit, unless it is the server."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._restart_at: float | None = None
        self._start()

    def _start(self) -> None:
        """Start manage.py in a session of its own, so that Ctrl-C reaches this process alone."""
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        self._running = subprocess.Popen(  # noqa: S603 (our own program)
            [*manage, *self._arguments, "--skip-checks"],  # _prepare() has run them
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"DJANGO_RUNSERVER_HIDE_WARNING": "true"},
        )

    def supervise(self) -> None:
        """Restart the process if it has exited. Raises RunError if it is the server."""
        code = self._running.poll()
        if code is None:
            return
        if self.name == "server":
            raise RunError(f"The server exited with code {code}; stopping the other processes")
        if self._restart_at is None:
            self._restart_at = time.monotonic() + RESTART_SECONDS
            _say(f"The {self.name} exited with code {code}; restarting in {RESTART_SECONDS} s.")
        elif time.monotonic() >= self._restart_at:
            self._restart_at = None
            self._start()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children, if the process still runs."""
        if self._running.poll() is None:
            os.killpg(self._running.pid, number)

    def stop_by(self, end: float) -> None:
        """Wait for the process to exit; kill it if it still runs at `end`, a monotonic time."""
        try:
            self._running.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            self._running.wait()


def _run(commands: Mapping[str, Sequence[str]]) -> None:
    """Run the processes. Raises RunError when the server exits. Always stop all of them."""
    processes: list[_Process] = []
    try:
        for name, arguments in commands.items():
            processes.append(_Process(name, arguments))
        _await_server(processes)
        _welcome()
        while True:
            _supervise(processes)
    finally:
        _stop(processes)


def _supervise(processes: Sequence[_Process]) -> None:
    """Restart what has exited, then sleep briefly. Raises RunError if the server has exited."""
    for process in processes:
        process.supervise()
    time.sleep(POLL_SECONDS)


def _await_server(processes: Sequence[_Process]) -> None:
    """Wait until the server accepts connections. Raises RunError after READY_SECONDS."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        _supervise(processes)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, settings.PORT)) == 0:
                return
    raise RunError(f"The server did not respond within {READY_SECONDS} seconds")


def _welcome() -> None:
    """Print the URL of the site and the demo accounts."""
    _say(f"\nThe site is at http://{HOST}:{settings.PORT}/")
    if settings.DEBUG:
        _say("Demo accounts (user name, password):")
        for account in ACCOUNTS:
            _say(f"  {account.username:<10} {account.password}")
    _say("Press Ctrl-C to stop.\n")


def _stop(processes: Sequence[_Process]) -> None:
    """Stop the processes and their children; kill those that do not exit in time."""
    _ignore_stop_signals()
    for process in processes:
        process.send_signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.stop_by(end)
    _say("Stopped.")


if __name__ == "__main__":
    sys.exit(main())
