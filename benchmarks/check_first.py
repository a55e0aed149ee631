"""Count how many good posts a moderator sees early: `python -m benchmarks.check_first FOLDER`.

FOLDER has real posts in `posts.jsonl.gz`, each with a label, and their pictures in `images/`. In
each draw, twelve reported good posts are selected by mistake together with all spam, and the draft
is frozen on SQLite. Its page shows the marked posts first, then each picture once, the rarest
first. Every marked post and every group of pictures is one entry. A second run deletes the pictures
of some spam beforehand. The labels are only used to count; the rules never read them. The exit code
is 1 if a target is missed.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.catalogue import Benchmark, Goal
from benchmarks.environment import environment_for
from benchmarks.measure import say
from benchmarks.table import goals_table

BENCHMARK = Benchmark("check_first", "draws", "", (), database="sqlite")
SEEDS = range(20)
AVERAGE, FEWEST, MOST_MARKED = "good posts on average", "fewest good posts", "most marked posts"


@dataclass(frozen=True, slots=True)
class Run:
    """Draws in which the pictures of `stripped` spam posts are deleted beforehand.

    A good post is counted if it is among the first `entries` of the page.
    """

    stripped: int
    entries: int
    goals: tuple[Goal, ...]


RUNS = (
    Run(
        stripped=0,
        entries=25,
        goals=(
            Goal(AVERAGE, at_least=11.5),
            Goal(FEWEST, at_least=10),
            Goal(MOST_MARKED, at_most=40),
        ),
    ),
    Run(stripped=300, entries=30, goals=(Goal(AVERAGE, at_least=10),)),
)


def main(folder: Path) -> int:
    """Set up a database, print the tables, and return the exit code."""
    with environment_for(BENCHMARK):
        return report(folder)


def report(folder: Path) -> int:
    """Print two tables for each run, the targets and all draws. Return the exit code."""
    # The module imports models, for which Django must be set up.
    draws = import_module("benchmarks.draws")
    say("Loading the posts")
    draws.load(folder)
    is_reached = True
    for run in RUNS:
        results = [draws.draw(seed, stripped=run.stripped, entries=run.entries) for seed in SEEDS]
        figures = _figures(results)
        is_reached &= all(goal.is_reached(figures) for goal in run.goals)
        print(_tables(run, figures, results))  # noqa: T201 - the command's output
    return 0 if is_reached else 1


def _figures(results: list[Any]) -> dict[str, float]:
    seen = [each.seen for each in results]
    return {
        AVERAGE: statistics.mean(seen),
        FEWEST: min(seen),
        MOST_MARKED: max(each.marked for each in results),
    }


def _tables(run: Run, figures: dict[str, float], results: list[Any]) -> str:
    """Return the tables of a run in Markdown. That of the draws has a line for each seed."""
    summary = (
        f"{run.stripped} spam posts without their pictures, 12 good posts in each draw, of which "
        f"those among the first {run.entries} entries count:"
    )
    header = f"| seed | good among the first {run.entries} | good marked | marked | rules |"
    lines = ["", summary, "", goals_table(figures, run.goals), ""]
    lines += [header, "| --- | --- | --- | --- | --- |"]
    for seed, result in zip(SEEDS, results, strict=True):
        rules = ", ".join(f"{name} {number}" for name, number in result.rules.items())
        lines.append(
            f"| {seed} | {result.seen} | {result.good_marked} | {result.marked} | {rules} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
