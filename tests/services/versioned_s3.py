"""An S3 server with versioned buckets for the tests: moto's, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.processes import free_port, running, wait_until
from tests.services.s3_gateway import READY_SECONDS, S3Server


@contextmanager
def serve(folder: Path) -> Iterator[S3Server]:
    """Run the server, which keeps everything in memory; stop it at the end."""
    port = free_port()
    log = folder / "moto.log"
    program = str(Path(sys.executable).parent / "moto_server")
    with running([program, "-H", "127.0.0.1", "-p", str(port)], log=log):
        server = S3Server(f"http://127.0.0.1:{port}")
        wait_until(server.is_ready, seconds=READY_SECONDS, what=f"moto's server ({log})")
        yield server
