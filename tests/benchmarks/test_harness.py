"""`make bench`: what it writes, and what it calls reached. Figures are not tested, they vary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import judge
from benchmarks.catalogue import BENCHMARKS
from tests.services.processes import ROOT


def bench(result: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", str(result)],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_run_prints_a_table_and_writes_figures_reach_and_verdict(tmp_path: Path) -> None:
    names = ["delete_fs", "filters_sqlite"]
    ended = bench(tmp_path / "bench.json", ONLY=",".join(names), SIZE="tiny")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "bench.json").read_text())
    assert list(report) == names
    assert set(report["delete_fs"]) == {"figures", "target", "ok"}
    assert report["delete_fs"]["figures"]["speedup_over_receiver"] > 0
    assert report["delete_fs"]["target"] == BENCHMARKS["delete_fs"].target
    assert "| `delete_fs` | ours_seconds " in ended.stdout
    assert "| `filters_sqlite` | unfiltered " in ended.stdout


@pytest.mark.parametrize("env", [{"ONLY": "delete_tape"}, {"SIZE": "huge"}])
def test_a_name_that_is_none_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    ended = bench(tmp_path / "bench.json", **{"ONLY": "", **env})
    assert ended.returncode == 2
    assert "delete_fs" in ended.stderr
    assert not (tmp_path / "bench.json").exists()


def test_every_benchmark_has_the_function_of_its_name() -> None:
    for benchmark in BENCHMARKS.values():
        assert callable(getattr(import_module(f"benchmarks.{benchmark.module}"), benchmark.name))


@pytest.mark.parametrize(
    ("figures", "ok"),
    [
        ({"speedup_over_receiver": 1.5, "time_ratio_to_cleanup": 2.0}, True),
        ({"speedup_over_receiver": 1.4, "time_ratio_to_cleanup": 2.0}, False),
        ({"speedup_over_receiver": 1.5, "time_ratio_to_cleanup": 2.1}, False),
        ({"speedup_over_receiver": 1.5}, False),
        ({}, False),
    ],
)
def test_every_figure_has_to_be_reached(figures: dict[str, float], ok: bool) -> None:
    assert judge(BENCHMARKS["delete_fs"], figures)["ok"] is ok
