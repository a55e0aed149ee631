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
# A worker or scheduler that exited is restarted after this pause. The pause doubles up to the
# longest, since a database may be down for hours. It is reset once the process has run for a while.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS = 1.0, 30.0, 60.0
STOP_SECONDS = 15  # to finish a task; a worker that takes longer is killed, and its lease expires


class RunError(Exception):
    """The site cannot start, or cannot continue; the message says why."""


EXPECTED = (RunError, environment.EnvironmentVariableError, CommandError, OperationalError)


def main() -> int:
    """Run the site until Ctrl-C; return the exit code, 1 after an error."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
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
    raise KeyboardInterrupt


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
        self._pause = PAUSE_SECONDS
        self._restart_at: float | None = None
        self.start()

    def start(self) -> None:
        """Start the process."""
        self._started, self._restart_at = time.monotonic(), None
        self.running = _start(self._arguments)

    def supervise(self) -> None:
        """Restart the process if it has exited. Raises RunError if it is the server."""
        code = self.running.poll()
        if code is None:
            return
        now = time.monotonic()
        if self.name == "server":
            raise RunError(f"The server exited with code {code}; stopping the other processes")
        if self._restart_at is None:
            steady = now - self._started > STEADY_SECONDS
            self._pause = PAUSE_SECONDS if steady else self._pause
            self._restart_at = now + self._pause
            _say(f"The {self.name} exited with code {code}; restarting it in {self._pause:g} s.")
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        elif now >= self._restart_at:
            self.start()


def _run(commands: Mapping[str, Sequence[str]]) -> None:
    """Run the processes until the server exits, which raises RunError. Always stop all of them."""
    processes: list[_Process] = []
    try:
        for name, arguments in commands.items():
            processes.append(_Process(name, arguments))
        _await_server(processes)
        _welcome()
        while True:
            _supervise_all(processes)
            time.sleep(POLL_SECONDS)
    finally:
        _stop([process.running for process in processes])


def _supervise_all(processes: Sequence[_Process]) -> None:
    for process in processes:
        process.supervise()


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start manage.py in a session of its own, so that Ctrl-C reaches this process alone."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    return subprocess.Popen(  # noqa: S603 (our own program)
        [*manage, *arguments, "--skip-checks"],  # _prepare() has run them
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"DJANGO_RUNSERVER_HIDE_WARNING": "true"},
    )


def _await_server(processes: Sequence[_Process]) -> None:
    """Wait until the server accepts connections. Raises RunError after READY_SECONDS."""
    end = time.monotonic() + READY_SECONDS
    while True:
        _supervise_all(processes)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, settings.PORT)) == 0:
                return
        if time.monotonic() > end:
            raise RunError(f"The server did not respond within {READY_SECONDS} seconds")
        time.sleep(POLL_SECONDS)


def _welcome() -> None:
    """Print the URL of the site and the demo accounts."""
    _say(f"\nThe site is at http://{HOST}:{settings.PORT}/")
    if settings.DEBUG:
        _say("Demo accounts (user name, password):")
        for account in ACCOUNTS:
            _say(f"  {account.username:<10} {account.password}")
    _say("Press Ctrl-C to stop.\n")


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop the processes and their children; kill those that do not exit in time."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    for process in processes:
        _signal(process, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
    _say("Stopped.")


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


if __name__ == "__main__":
    sys.exit(main())
