"""Measure time and memory, and run contenders in alternating rounds."""

from __future__ import annotations

import gc
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Linux reports the peak of a process's memory since its exec here, in kB. `ru_maxrss` starts at the
# size of the process that forked it.
PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)

# Seconds. A contender that takes longer runs in a single round.
ONE_ROUND_FROM = 180


@dataclass(slots=True)
class Stopwatch:
    """The seconds of a `stopwatch()` block, set when it ends."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure the wall-clock time of the block, after collecting the garbage of earlier work."""
    gc.collect()
    watch = Stopwatch()
    start = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def medians(contenders: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Return each contender's median result. They alternate, so that a slow minute affects all.

    A contender that takes minutes runs once: slow and fast minutes average out within its run.
    """
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    remaining = dict(contenders)
    for number in range(rounds):
        for name, contender in list(remaining.items()):
            start = time.perf_counter()
            measured[name].append(contender())
            say(f"  round {number + 1}: {name} {measured[name][-1]:.3f}")
            if time.perf_counter() - start > ONE_ROUND_FROM:
                del remaining[name]
    return {name: statistics.median(values) for name, values in measured.items()}


def peak_mb() -> float:
    """Return the peak memory of this process in MB. Linux only."""
    found = PEAK.search(Path("/proc/self/status").read_text())
    assert found, "the kernel reports the peak of every process"  # noqa: S101 - for the type checker too
    return int(found[1]) / 1000


def say(text: str) -> None:
    """Report progress on standard error, since standard output is for the table."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's output
