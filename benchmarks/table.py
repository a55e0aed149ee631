"""The results as a table of Markdown, ready for the README."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def table(results: Mapping[str, Mapping[str, Any]], *, size: str) -> str:
    """Name, figures, what is to be reached and whether it was, below the date and the machine."""
    lines = [f"{size}, {datetime.now(UTC):%Y-%m-%d}, {machine()}", ""]
    lines += ["| name | figures | reach | ok |", "| --- | --- | --- | --- |"]
    for name, result in results.items():
        figures = ", ".join(f"{key} {_short(v)}" for key, v in result["figures"].items())
        ok = "yes" if result["ok"] else "no"
        lines.append(f"| `{name}` | {figures or 'broke off'} | {result['reach']} | {ok} |")
    return "\n".join(lines)


def machine() -> str:
    """Processors, memory, and the system's name."""
    cores = os.cpu_count()
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = f"{pages * page / 2**30:.0f} GB"
    return f"{cores} cores ({_processor()}), {memory}, Python {platform.python_version()}"


def _processor() -> str:
    """Return the processor's name as Linux has it, else its kind."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _short(value: float) -> str:
    """Three digits that matter; large numbers whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - as it says
