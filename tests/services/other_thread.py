"""Run something on a separate database connection, as another process would."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

# The most seconds to wait.
PATIENCE = 60


def in_another_thread(do: Callable[[], object]) -> None:
    """Call `do` in a thread with its own connections, and wait. Raises what it raises."""
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
