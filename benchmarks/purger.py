"""A second worker, which runs already when a measurement begins: it purges what the first leaves.

As a program it says when it is ready, purges what is due, and ends when it was told that no more
will come. A worker of a site does the same, but looks for work once a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from select import select

import django

# Seconds after which it looks again when nothing was due.
IDLE = 0.02
READY, DONE = b"ready\n", b"done\n"


class Purger:
    """The worker's process, as the one who measures sees it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def await_ready(self) -> None:
        """Return when it is ready. Raises RuntimeError where it ended instead."""
        self._expect(READY)

    def finish(self) -> None:
        """Say that all batches are deleted; return when the last key is through. Raises alike."""
        assert self._process.stdin  # noqa: S101 - tells the type
        self._process.stdin.close()
        self._expect(DONE)

    def _expect(self, words: bytes) -> None:
        assert self._process.stdout  # noqa: S101 - the same
        if (told := self._process.stdout.readline()) != words:
            raise RuntimeError(f"The second worker said {told!r} instead of {words!r}.")


@contextmanager
def purger(env: Mapping[str, str]) -> Iterator[Purger]:
    """Run a second worker on this process's database; `env` says where its files are."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.purger"],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            found = Purger(process)
            found.await_ready()
            yield found
        finally:
            process.kill()


def work() -> None:
    """Purge until standard input is closed and nothing is due."""
    from moderation.purge.run import purge_due_files

    purge_due_files()  # nothing is due yet; the connection is there afterwards
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
