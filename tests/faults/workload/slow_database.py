"""A slow proxy to PostgreSQL, which makes the time between two queries longer."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SOCKET = ".s.PGSQL.5432"  # libpq's name for it inside the folder that is the host
CHUNK = 65_536
# The share of delayed messages, and the longest delay in seconds.
SHARE, LONGEST = 0.3, 0.02


@contextmanager
def detour(url: str, folder: Path) -> Iterator[str]:
    """Serve the database of a DATABASE_URL, whose host is a folder, through a proxy; yield its URL.

    Messages to the server are delayed at random; replies are not.
    """
    login, _, location = url.partition("@/")
    server, _, name = location.rpartition("/")
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / SOCKET))
        listening.listen(64)
        thread = threading.Thread(target=_accept, args=(listening, f"{server}/{SOCKET}"))
        thread.start()
        try:
            yield f"{login}@/{folder}/{name}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, server: str) -> None:
    with suppress(OSError):  # the socket was shut down
        while True:
            client, _ = listening.accept()
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(server)
            for source, target, slow in ((client, upstream, True), (upstream, client, False)):
                threading.Thread(target=_pass_on, args=(source, target, slow), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, slow: bool) -> None:
    dice = random.Random()  # noqa: S311 - delays are part of the interleaving, which is not drawn
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            if slow and dice.random() < SHARE:
                time.sleep(dice.uniform(0, LONGEST))
            target.sendall(chunk)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
