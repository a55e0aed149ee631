"""Run the benchmarks, print a table and write bench.json: `python -m benchmarks [FILE]`.

The environment variable ONLY names one or more benchmarks, separated by commas; SIZE is `full`
(about 40 minutes) or `small` (a few minutes, the default). FILE is written instead of bench.json.
The exit code is 1 if a benchmark failed; a missed target is not a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.catalogue import BENCHMARKS, Benchmark
from benchmarks.measure import say
from benchmarks.sizes import SIZES
from benchmarks.table import table

RESULT = "bench.json"


def main(target: Path) -> int:
    """Run the benchmarks that the environment selects, write the results, return the exit code."""
    size = os.environ.get("SIZE") or "small"
    names = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(BENCHMARKS)
    if size not in SIZES or not set(names) <= set(BENCHMARKS):
        say(f"SIZE must be one of {', '.join(SIZES)}; ONLY, of {', '.join(BENCHMARKS)}.")
        return 2
    results: dict[str, Any] = {}
    for name in names:
        results[name] = judge(BENCHMARKS[name], measure(name, size))
        # Written each time, so that an interrupt loses nothing.
        target.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results, size=size))  # noqa: T201 - the command's output
    return 0 if all(result["figures"] for result in results.values()) else 1


def measure(name: str, size: str) -> dict[str, float]:
    """Return the figures of a benchmark, run in its own process; none if it failed."""
    say(f"{name} ({size})")
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = [sys.executable, "-m", "benchmarks.run_one", name, size, result.name]
        done = subprocess.run(command, check=False)  # noqa: S603 - this program
        if done.returncode:
            say(f"{name} failed.")
            return {}
        figures: dict[str, float] = json.load(result)
    return figures


def judge(benchmark: Benchmark, figures: dict[str, float]) -> dict[str, Any]:
    """Return a benchmark's record for bench.json."""
    return {
        "figures": figures,
        "target": benchmark.target,
        "ok": all(goal.is_reached(figures) for goal in benchmark.goals),
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if sys.argv[1:] else RESULT)))
