"""How long a worker may go on asking a storage for what it claimed.

A lease in the database ends by the database's clock. The worker counts it from before its claim, so
that it is over here before it is over there, and checks it right before each request: one that was
suspended meanwhile must not erase what was stored under a name that another worker has freed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

# CLOCK_MONOTONIC stands still while Linux is suspended, CLOCK_BOOTTIME does not. Elsewhere there is
# none such, and the wall clock alone tells of it.
BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# Share of a lease in which nothing is sent any more: a request takes its time as well.
LAST_PART = 0.1


@dataclass(frozen=True, slots=True)
class Moment:
    """A reading of the wall clock and of the time since boot, in seconds."""

    wall: float
    boot: float

    @classmethod
    def now(cls) -> Moment:
        """Read both clocks."""
        return cls(time.time(), time.clock_gettime(BOOT_CLOCK))

    def age(self) -> float:
        """Return the seconds since then, by whichever clock says more.

        The wall clock may be set back, and the other may stand still while a machine is paused.
        """
        return max(time.time() - self.wall, time.clock_gettime(BOOT_CLOCK) - self.boot)


class Lease:
    """The lease on a worker's entries: held from `since` on, which is before they were claimed."""

    def __init__(self, seconds: float, since: Moment) -> None:
        self._seconds = seconds * (1 - LAST_PART)
        self._since: Moment | None = since

    def renew(self, since: Moment) -> None:
        """Count from a moment before the renewal was written. A lease that ended stays so."""
        if self._since is not None:
            self._since = since

    def end(self) -> None:
        """Give the lease up: nothing more may be sent."""
        self._since = None

    def holds(self) -> bool:
        """Return whether a request may still be sent."""
        since = self._since
        return since is not None and since.age() < self._seconds
