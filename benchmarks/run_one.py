"""Run one benchmark in a fresh process: `python -m benchmarks.run_one NAME SIZE RESULT`."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.catalogue import BENCHMARKS
from benchmarks.environment import environment_for
from benchmarks.sizes import SIZES


def measure(name: str, size: str) -> dict[str, float]:
    """Run a benchmark by its name; return its figures."""
    benchmark = BENCHMARKS[name]
    with environment_for(benchmark) as folder:
        # The module imports models, for which Django must be set up.
        module = import_module(f"benchmarks.{benchmark.module}")
        figures: dict[str, float] = getattr(module, name)(folder, SIZES[size])
    return figures


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(measure(*sys.argv[1:3])))
