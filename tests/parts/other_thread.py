"""Something done on a database connection of its own, as another process would."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

# Seconds for which it is waited, at most.
PATIENCE = 60


def in_another_thread(do: Callable[[], object]) -> None:
    """Do it in a thread with connections of its own, and wait. Raises what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            do()
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    if raised:
        raise raised[0]
    assert not thread.is_alive()
