"""Count how many good posts a moderator sees early: `python -m benchmarks.check_first FOLDER`.

FOLDER has real posts in `posts.jsonl.gz`, each with a label, and their pictures in `images/`. In
each draw, twelve reported good posts are selected by mistake together with all spam, and the draft
is frozen on SQLite. Its page shows the marked posts first, then each picture once, the rarest
first. Every marked post and every picture is one entry. A second run deletes the pictures of some
spam beforehand. The labels are only used to count; the rules never read them.
"""

from __future__ import annotations

import statistics
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.catalogue import Benchmark
from benchmarks.environment import environment_for
from benchmarks.measure import say

BENCHMARK = Benchmark("check_first", "draws", "", (), database="sqlite")
SEEDS = range(20)
# The number of spam posts whose pictures are deleted, and of the entries that count as early.
RUNS = ((0, 25), (300, 30))


def main(folder: Path) -> None:
    """Print a table of all draws for each run."""
    with environment_for(BENCHMARK):
        # The module imports models, for which Django must be set up.
        draws = import_module("benchmarks.draws")
        say("Loading the posts")
        draws.load(folder)
        for stripped, entries in RUNS:
            results = [draws.draw(seed, stripped=stripped, entries=entries) for seed in SEEDS]
            print(_table(results, stripped, entries))  # noqa: T201 - the command's output


def _table(results: list[Any], stripped: int, entries: int) -> str:
    """Return the results of a run as a table in Markdown, with a line for each seed."""
    seen, most = [each.seen for each in results], max(each.marked for each in results)
    summary = (
        f"{stripped} spam posts without their pictures: {statistics.mean(seen):.2f} of 12 good "
        f"posts on average among the first {entries} entries, at least {min(seen)}; "
        f"at most {most} posts marked."
    )
    header = f"| seed | good among the first {entries} | good marked | marked | rules |"
    lines = ["", summary, "", header, "| --- | --- | --- | --- | --- |"]
    for seed, result in zip(SEEDS, results, strict=True):
        rules = ", ".join(f"{name} {number}" for name, number in result.rules.items())
        lines.append(
            f"| {seed} | {result.seen} | {result.good_marked} | {result.marked} | {rules} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
