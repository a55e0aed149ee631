"""A second worker process that purges the files of the removal while the first deletes its rows.

It starts before the measurement. It reports when it is ready, purges due files, and exits once its
standard input is closed and nothing is due. A site's worker does the same, but looks for work once
a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from select import select

import django

# Seconds until it looks again after nothing was due.
IDLE = 0.02
READY, DONE = b"ready\n", b"done\n"


class Purger:
    """The measuring process's handle on the second worker."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def await_ready(self) -> None:
        """Wait until it is ready. Raises RuntimeError if it exits instead."""
        self._expect(READY)

    def finish(self) -> None:
        """Tell it that all batches are deleted, and wait until the last key is erased.

        Raises RuntimeError if the process exits before that.
        """
        assert self._process.stdin  # noqa: S101 - for the type checker
        self._process.stdin.close()
        self._expect(DONE)

    def _expect(self, line: bytes) -> None:
        assert self._process.stdout  # noqa: S101 - the same
        if (received := self._process.stdout.readline()) != line:
            raise RuntimeError(f"The second worker sent {received!r} instead of {line!r}.")


@contextmanager
def purger(env: Mapping[str, str]) -> Iterator[Purger]:
    """Run a second worker on this process's database, with the storage that `env` configures."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.purger"],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            second = Purger(process)
            second.await_ready()
            yield second
        finally:
            process.kill()


def work() -> None:
    """Purge until standard input is closed and nothing is due."""
    from moderation.purge.run import purge_due_files

    purge_due_files()  # nothing is due yet; this opens the connection
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    all_deleted = False
    while purge_due_files() or not all_deleted:
        all_deleted = all_deleted or bool(select([sys.stdin], [], [], IDLE)[0])
    sys.stdout.buffer.write(DONE)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    django.setup()
    work()
