"""`python -m benchmarks`, which `make bench` calls: runs, prints a table, writes bench.json.

ONLY names one benchmark, or several with commas between; SIZE is `full` (about 40 minutes) or
`small` (a few minutes, the default). The one argument is another file than bench.json. Ends with 1
where a benchmark broke off; a figure that is not reached is no error.
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
    """Run what the environment asks for and write the results; gives the exit code."""
    size = os.environ.get("SIZE") or "small"
    names = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(BENCHMARKS)
    if size not in SIZES or not set(names) <= set(BENCHMARKS):
        say(f"SIZE is one of {', '.join(SIZES)}; ONLY is of {', '.join(BENCHMARKS)}.")
        return 2
    results: dict[str, Any] = {}
    for name in names:
        results[name] = judge(BENCHMARKS[name], measure(name, size))
        target.write_text(json.dumps(results, indent=2) + "\n")  # so that a stop loses nothing
    print(table(results, size=size))  # noqa: T201 - what the command is for
    return 0 if all(result["figures"] for result in results.values()) else 1


def measure(name: str, size: str) -> dict[str, float]:
    """Run one benchmark in a process of its own; no figures where it broke off."""
    say(f"{name} ({size})")
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = [sys.executable, "-m", "benchmarks.one", name, size, result.name]
        ended = subprocess.run(command, check=False)  # noqa: S603 - this very program
        if ended.returncode:
            say(f"{name} broke off.")
            return {}
        figures: dict[str, float] = json.load(result)
    return figures


def judge(benchmark: Benchmark, figures: dict[str, float]) -> dict[str, Any]:
    """A benchmark's record in bench.json."""
    return {
        "figures": figures,
        "reach": benchmark.reach,
        "ok": all(goal.is_reached(figures) for goal in benchmark.goals),
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if sys.argv[1:] else RESULT)))
