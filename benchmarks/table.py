"""The results as a Markdown table, for `docs/benchmarks.md`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.catalogue import Goal


def table(results: Mapping[str, Mapping[str, Any]], *, size: str) -> str:
    """Return the table of names, figures and targets, under a line with date and machine."""
    lines = [f"{size}, {datetime.now(UTC):%Y-%m-%d}, {machine()}", ""]
    lines += ["| name | figures | target | ok |", "| --- | --- | --- | --- |"]
    for name, result in results.items():
        figures = ", ".join(f"{key} {_short(v)}" for key, v in result["figures"].items())
        ok = "yes" if result["ok"] else "no"
        lines.append(f"| `{name}` | {figures or 'failed'} | {result['target']} | {ok} |")
    return "\n".join(lines)


def goals_table(figures: Mapping[str, float], goals: Iterable[Goal]) -> str:
    """Return the table of figures, with a target beside those that have one."""
    by_figure = {goal.figure: goal for goal in goals}
    lines = ["| figure | result | target | ok |", "| --- | --- | --- | --- |"]
    for name, value in figures.items():
        goal = by_figure.get(name)
        target = f"{goal} | {'yes' if goal.is_reached(figures) else 'no'}" if goal else " | "
        lines.append(f"| {name} | {value:g} | {target} |")
    return "\n".join(lines)


def machine() -> str:
    """Return the processors, the memory and the version of Python."""
    cores = os.cpu_count()
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = f"{pages * page / 2**30:.0f} GB"
    return f"{cores} cores ({_processor()}), {memory}, Python {platform.python_version()}"


def _processor() -> str:
    """Return the processor's name on Linux, elsewhere its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _short(value: float) -> str:
    """Return a number with three significant digits; from 100 on, as an integer."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - see the docstring
