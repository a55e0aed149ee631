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
READY_SECONDS = 60  # for the server to answer; a cold start on a slow disk takes a few
# A worker or scheduler that exited is restarted after this pause. The pause doubles up to the
# longest, since a database may be down for hours, and is reset once the process ran for a while.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS = 1.0, 30.0, 60.0
STOP_SECONDS = 15  # for a worker to end its task; then it is killed, and the leases recover it


class RunError(Exception):
    """The site cannot be run, or no longer; the text says why."""


EXPECTED = (RunError, environment.EnvironmentVariableError, CommandError, OperationalError)


def main() -> int:
    """Run the site until Ctrl-C; give the exit code, 1 where something went wrong."""
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
        print(error, file=sys.stderr)  # noqa: T201 (this is a program for the terminal)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (this is a program for the terminal)


def _read_settings() -> None:
    """Load the settings, with DEBUG on unless the environment or `.env` says otherwise."""
    environment.read_site_file()
    os.environ["DEBUG"] = environment.text("DEBUG", "true")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()


def _refuse_taken_port(port: int) -> None:
    """Raise RunError when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(
                f"PORT={port}: this port cannot be used ({error.strerror}): "
                "stop what listens there, or set PORT to another"
            ) from None


def _prepare() -> None:
    """Bring the database up to date, and load the demo site into an empty one."""
    from django.contrib.auth import get_user_model  # once the apps are loaded

    call_command("check")
    _say("Preparing the database")
    call_command("migrate", verbosity=0)
    call_command("mark_storage", stdout=io.StringIO())  # silent when all is well
    if settings.DEBUG and not get_user_model().objects.exists():
        _say("Loading the demo site")
        call_command("restore_fixtures", "demo")
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()


def _commands() -> Mapping[str, Sequence[str]]:
    """Return the arguments of manage.py for each process, by its name."""
    worker: Sequence[str] = ("db_worker", "--no-reload")
    if settings.TASKS_BACKEND == "rq":
        worker = ("rqworker", "default", "--job-class", "django_tasks_rq.Job")
    return {
        "server": ("runserver", "--noreload", f"{HOST}:{settings.PORT}"),
        "worker": worker,
        "clock": ("purge", "--loop"),
    }


class _Process:
    """One of the site's processes, which is restarted when it exits, except for the server."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._pause = PAUSE_SECONDS
        self._again_at: float | None = None
        self.start()

    def start(self) -> None:
        """Start the process."""
        self._started, self._again_at = time.monotonic(), None
        self.running = _start(self._arguments)

    def look_after(self) -> None:
        """Restart the process if it exited. Raises RunError if it is the server."""
        code = self.running.poll()
        if code is None:
            return
        now = time.monotonic()
        if self.name == "server":
            raise RunError(f"The server exited with code {code}; stopping the other processes")
        if self._again_at is None:
            steady = now - self._started > STEADY_SECONDS
            self._pause = PAUSE_SECONDS if steady else self._pause
            self._again_at = now + self._pause
            _say(f"The {self.name} exited with code {code}; restarting it in {self._pause:g} s.")
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        elif now >= self._again_at:
            self.start()


def _run(commands: Mapping[str, Sequence[str]]) -> None:
    """Run the processes until the server exits (RunError). Always stops all of them."""
    processes: list[_Process] = []
    try:
        for name, arguments in commands.items():
            processes.append(_Process(name, arguments))
        _await_server(processes)
        _welcome()
        while True:
            _look_after(processes)
            time.sleep(POLL_SECONDS)
    finally:
        _stop([process.running for process in processes])


def _look_after(processes: Sequence[_Process]) -> None:
    for process in processes:
        process.look_after()


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start manage.py in a session of its own, so that Ctrl-C reaches this process alone."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    return subprocess.Popen(  # noqa: S603 (our own program)
        [*manage, *arguments, "--skip-checks"],  # they were made once, for all
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"DJANGO_RUNSERVER_HIDE_WARNING": "true"},
    )


def _await_server(processes: Sequence[_Process]) -> None:
    """Wait until the server accepts connections."""
    end = time.monotonic() + READY_SECONDS
    while True:
        _look_after(processes)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, settings.PORT)) == 0:
                return
        if time.monotonic() > end:
            raise RunError(f"The server did not answer within {READY_SECONDS} seconds")
        time.sleep(POLL_SECONDS)


def _welcome() -> None:
    """Print where the site is and who can log in."""
    _say(f"\nThe site is at http://{HOST}:{settings.PORT}/")
    if settings.DEBUG:
        _say("Demo accounts (user name, password):")
        for account in ACCOUNTS:
            _say(f"  {account.username:<10} {account.password}")
    _say("Ctrl-C stops it.\n")


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the processes and all that they started, by force where asking does not help."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave one behind
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
