"""How gunicorn serves the site: `gunicorn --config python:project.gunicorn project.wsgi`.

What the command line says wins over it. `.env` is not read here: a reload would then keep the old
values of everything in it.
"""

import os
import socket
import struct
from typing import Any

# A sync worker must send a whole answer within gunicorn's timeout and serves nobody meanwhile: a
# large export, or one that is read slowly, would be cut off. Here the timeout is for the worker
# alone, which stays alive beside whatever its threads do.
worker_class = "gthread"

# Answers at once for each worker. A reader of an export holds a thread until the end, mostly
# waiting for the network, so there are more than cores. Each holds a database connection too:
# DATABASE_POOL, where it is set, must have room for all of them.
threads = 8

# Two, so that one still answers while the other starts again. gunicorn's own variable decides, for
# a machine of more cores; its own default is one.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))

# A client that stops in the middle of a request would block its thread for ever. The request ends
# after this many seconds without a byte. A client that sends a byte now and then still blocks the
# thread; the proxy in front of the site prevents that by buffering requests.
RECEIVE_TIMEOUT = int(os.environ.get("RECEIVE_TIMEOUT_SECONDS", "20"))


def when_ready(server: Any) -> None:
    """Set the timeout on the listening sockets; each connection inherits it from the kernel.

    A timeout in Python would apply to both directions, but clients may read an export slowly.
    """
    limit = struct.pack("ll", RECEIVE_TIMEOUT, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
