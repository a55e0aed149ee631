"""The time during which a worker may send requests for the entries that it claimed.

A lease in the database expires by the database's clock. The worker counts it from before its claim,
so that it expires here first, and checks it right before each request: a worker that was suspended
must not erase a new file under a name that another worker has already erased and released.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

# The share at the end of a lease in which nothing is sent, because a request takes time.
SAFETY_MARGIN = 0.1


def seconds_since_boot() -> float:
    """Return the time since boot, or since some other moment where the system does not know it.

    `time.monotonic()` stops while Linux is suspended, CLOCK_BOOTTIME does not. Other systems have
    no such clock, and only the wall clock reveals a suspension.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass(frozen=True, slots=True)
class Moment:
    """A reading of the wall clock and of the time since boot, in seconds."""

    wall: float
    boot: float

    @classmethod
    def now(cls) -> Moment:
        """Read both clocks."""
        return cls(time.time(), seconds_since_boot())


class Lease:
    """The lease on a worker's entries. It starts at `since`, which is before they were claimed."""

    def __init__(self, seconds: float, since: Moment) -> None:
        self._seconds = seconds * (1 - SAFETY_MARGIN)
        self._until: Moment | None = self._end_of(since)

    def renew(self, since: Moment) -> None:
        """Restart the lease at a moment before its renewal. An ended lease stays ended."""
        if self._until is not None:
            self._until = self._end_of(since)

    def end(self) -> None:
        """End the lease, so that nothing more is sent."""
        self._until = None

    def is_active(self) -> bool:
        """Return whether a request may still be sent, by both clocks.

        The wall clock may be set back, and the other may stop while a machine is paused.
        """
        until = self._until
        return until is not None and time.time() < until.wall and seconds_since_boot() < until.boot

    def _end_of(self, since: Moment) -> Moment:
        return Moment(since.wall + self._seconds, since.boot + self._seconds)
