"""Time, memory, and rounds in which contenders take turns."""

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

# Linux keeps the peak of a process's memory here, in kB, from its exec on. `ru_maxrss` would
# start at the size of the process that forked it.
PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


# Seconds.
ONE_ROUND_FROM = 180


@dataclass(slots=True)
class Stopwatch:
    """Seconds that a `stopwatch()` block took, once it is over."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure the block by the wall's clock; rubbish of earlier work is cleared before."""
    gc.collect()
    watch = Stopwatch()
    start = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def medians(contenders: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """The median of what each contender gives. They take turns, so that a slow minute hits all.

    One that takes minutes has a single round: it has its own slow and quick ones.
    """
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    waiting = dict(contenders)
    for number in range(rounds):
        for name, contender in list(waiting.items()):
            start = time.perf_counter()
            measured[name].append(contender())
            say(f"  round {number + 1}: {name} {measured[name][-1]:.3f}")
            if time.perf_counter() - start > ONE_ROUND_FROM:
                del waiting[name]
    return {name: statistics.median(values) for name, values in measured.items()}


def peak_mb() -> float:
    """Return the most memory that this process ever held, in MB. Linux only."""
    found = PEAK.search(Path("/proc/self/status").read_text())
    assert found, "the kernel tells the peak of every process"  # noqa: S101 - tells the type too
    return int(found[1]) / 1000


def say(text: str) -> None:
    """Tell how far it got; standard output is the table's."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own words
