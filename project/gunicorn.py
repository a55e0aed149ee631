"""Settings of gunicorn: `gunicorn --config python:project.gunicorn project.wsgi`.

Options of the command line override them. `.env` is not read here: after a reload, its variables
would keep their old values.
"""

import os
import socket
import struct
from typing import Any

# A sync worker must send a complete response within gunicorn's timeout, and serves no one else in
# the meantime: a large export, or one that is read slowly, would be cut off. With threads, the
# timeout applies to the worker itself, which stays responsive whatever its threads do.
worker_class = "gthread"

# Parallel requests per worker. An export occupies a thread until its end, mostly waiting for the
# network, so there are more threads than cores. Each also uses a database connection:
# DATABASE_POOL, if it is set, must not be smaller.
threads = 8

# Two, so that one still responds while the other restarts; gunicorn's own default is one. On a
# machine with more cores, set WEB_CONCURRENCY.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))

# A client that stops in the middle of a request would block its thread forever. The request is
# aborted after this many seconds without a byte. A client that sends a byte now and then still
# blocks the thread; the proxy in front of the site prevents that by buffering requests.
RECEIVE_TIMEOUT = int(os.environ.get("RECEIVE_TIMEOUT_SECONDS", "20"))


def when_ready(server: Any) -> None:
    """Set the timeout on the listening sockets; each connection inherits it from the kernel.

    A timeout in Python would apply to both directions, but clients may read an export slowly.
    """
    limit = struct.pack("ll", RECEIVE_TIMEOUT, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
