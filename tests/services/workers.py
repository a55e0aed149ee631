"""Real worker processes for the tests, on the very database that the test uses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.services.processes import answers, free_port, running, wait_until

DB_WORKER = ("db_worker", "--interval", "0.1", "--no-startup-delay")
CLOCK = ("purge", "--loop")
# What each worker logs, at INFO, when it has booted and looks for its first task.
DB_WORKER_IS_UP = "Starting worker"
RQ_WORKER_IS_UP = "Listening on"


def database_url() -> str:
    """Return the URL of the test's own database, for another process."""
    config: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    if str(config["HOST"]).startswith("/"):
        return f"postgresql://{config['USER']}@/{config['HOST']}/{config['NAME']}"
    login = f"{config['USER']}:{config['PASSWORD']}@" if config["USER"] else ""
    return f"postgresql://{login}{config['HOST']}:{config['PORT'] or 5432}/{config['NAME']}"


def environment() -> dict[str, str]:
    """Return the variables by which a process shares this test's database and files on disk.

    A test on S3 adds `S3Server.environment(bucket)`.
    """
    found = {"DATABASE_URL": database_url()}
    default = settings.STORAGES["default"]
    if default["BACKEND"].endswith("FileSystemStorage"):
        found["MEDIA_ROOT"] = default["OPTIONS"]["location"]
    return found


@contextmanager
def gunicorn(*options: str, log: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Serve the site on the test's database, as the README says; gives the port. See `worker`."""
    port = free_port()
    program = str(Path(sys.executable).parent / "gunicorn")
    config = ("--config", "python:project.gunicorn", "--bind", f"127.0.0.1:{port}")
    command = [program, *config, *options, "project.wsgi"]
    with running(command, log=log, env=environment() | dict(env or {})):
        wait_until(lambda: answers(port), what=f"gunicorn ({log})")
        yield port


@contextmanager
def worker(
    *command: str, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py` with the command (`*DB_WORKER`, `*CLOCK`); stop it at the end.

    The test must be one with `transaction=True`, or the process sees nothing of what it wrote.
    """
    program = [sys.executable, "manage.py", *command]
    with running(program, log=log, env=environment() | dict(env or {})) as process:
        yield process


def wait_until_up(words: str, *logs: Path) -> None:
    """Wait until each of these logs tells that its worker is up.

    Work that is there before leaves a worker that boots late nothing to do.
    """
    wait_until(lambda: all(words in log.read_text() for log in logs), what=f"{words!r} in {logs}")
