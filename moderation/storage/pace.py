"""How fast requests are sent to a storage that is throttling, overloaded or unreachable."""

from __future__ import annotations

import random

# Seconds. Exponential backoff with full jitter: a pause is random, up to a limit that doubles.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0

# HTTP statuses by which a server asks for fewer requests.
THROTTLED_STATUSES = (429, 503)


class Pace:
    """The number of requests at a time: halved at each transient error, one more after each round.

    A round is as many successful requests as are allowed at a time.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self._allowed = float(ceiling)

    @property
    def allowed(self) -> int:
        """Return how many requests may run at the same time, at least one."""
        return int(self._allowed)

    def slow_down(self) -> None:
        """Record that the server could not keep up."""
        self._allowed = max(1.0, self._allowed / 2)

    def speed_up(self) -> None:
        """Record a successful request."""
        self._allowed = min(float(self.ceiling), self._allowed + 1 / self._allowed)


def pause_after(failures: int) -> float:
    """Return the seconds to wait after this number of failures in a row."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))
    return random.uniform(0, longest)  # noqa: S311 - it only spreads requests


def is_throttled(error: Exception) -> bool:
    """Return whether a storage's error asks for fewer requests, as far as its attributes say.

    Google's exceptions have the HTTP status as `code`, Azure's as `status_code`.
    """
    statuses = (getattr(error, name, None) for name in ("code", "status_code"))
    return any(status in THROTTLED_STATUSES for status in statuses)
