"""Make users wait while the media folder is away: Django would create a new one for an upload."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Gate:
    """A lock for many users or one who shuts it, which users cannot keep open for ever."""

    def __init__(self, folder: Path) -> None:
        self._turnstile, self._gate = folder / "turnstile", folder / "gate"

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Hold the gate open for one action."""
        with _locked(self._turnstile, fcntl.LOCK_SH):
            gate = _locked(self._gate, fcntl.LOCK_SH)
            gate.__enter__()
        try:
            yield
        finally:
            gate.__exit__(None, None, None)

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Wait until nobody is inside, and keep everybody out."""
        with _locked(self._turnstile, fcntl.LOCK_EX), _locked(self._gate, fcntl.LOCK_EX):
            yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("a") as file:  # closing it releases the lock
        fcntl.flock(file, how)
        yield
