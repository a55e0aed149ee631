"""The benchmarks: what each needs, and the targets for its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Database = Literal["sqlite", "postgresql"]
Files = Literal["disk", "s3", "slow"]


@dataclass(frozen=True, slots=True)
class Goal:
    """The lower or upper bound of a figure."""

    figure: str
    at_least: float = float("-inf")
    at_most: float = float("inf")

    def is_reached(self, figures: Mapping[str, float]) -> bool:
        """Return whether the figure was measured and is within its bound."""
        value = figures.get(self.figure)
        return value is not None and self.at_least <= value <= self.at_most

    def __str__(self) -> str:
        """Return the bound in words."""
        if self.at_least > float("-inf"):
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark, measured by the function `name` of `module`; `target` describes `goals`."""

    name: str
    module: str
    target: str
    goals: tuple[Goal, ...]
    database: Database = "postgresql"
    files: Files = "disk"


def _on_both_databases(benchmark: Benchmark) -> tuple[Benchmark, Benchmark]:
    """Return a benchmark for each database. The name of the one on SQLite ends with "_sqlite"."""
    return benchmark, replace(benchmark, name=f"{benchmark.name}_sqlite", database="sqlite")


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "delete_s3",
            "deletion",
            "at least 15x faster than (a) and 10x faster than (b), at most 1.3x the time of (d)",
            (
                Goal("speedup_over_receiver", at_least=15),
                Goal("speedup_over_cleanup", at_least=10),
                Goal("time_ratio_to_sql", at_most=1.3),
            ),
            files="s3",
        ),
        Benchmark(
            "delete_rtt",
            "deletion",
            "at least 50x faster than (a)",
            (Goal("speedup_over_receiver", at_least=50),),
            files="s3",
        ),
        Benchmark(
            "delete_fs",
            "deletion",
            "at least 1.5x faster than (a), at most 2x the time of (b), which has no audit log",
            (Goal("speedup_over_receiver", at_least=1.5), Goal("time_ratio_to_cleanup", at_most=2)),
            database="sqlite",
        ),
        Benchmark(
            "rows",
            "rows",
            "at least 0.6x the speed of a bare `queryset.delete()` in the same batches, with a "
            "receiver that does nothing",
            (Goal("speed_ratio", at_least=0.6),),
        ),
        Benchmark(
            "memory",
            "rows",
            "under 200 MB, and at most 1.1x the peak with 10,000 posts",
            (Goal("peak_mb", at_most=200), Goal("peak_ratio", at_most=1.1)),
        ),
        Benchmark(
            "confirm_page",
            "confirmation",
            "50x faster and 100x smaller than (c); the page alone under 0.3 s",
            (
                Goal("speedup", at_least=50),
                Goal("size_ratio", at_least=100),
                Goal("page_seconds", at_most=0.3),
            ),
        ),
        *_on_both_databases(
            Benchmark(
                "groups",
                "groups",
                "page under 1 s and 40 MB more; 10,000 distinct pictures compared in under 2 s",
                (
                    Goal("page_seconds", at_most=1),
                    Goal("page_mb", at_most=40),
                    Goal("near_seconds", at_most=2),
                ),
            )
        ),
        *_on_both_databases(
            Benchmark(
                "similarity_search",
                "similarity",
                "each search among 1,000,000 hashes under 0.1 s",
                (Goal("slowest_seconds", at_most=0.1),),
            )
        ),
        Benchmark("confirm_post", "confirmation", "under 1 s", (Goal("seconds", at_most=1),)),
        Benchmark(
            "workers",
            "workers",
            "4 workers at least 3.2x the speed of one",
            (Goal("speedup_4", at_least=3.2),),
            files="slow",
        ),
        Benchmark(
            "export",
            "export",
            "4x faster than django-import-export, a tenth of its memory",
            (Goal("speedup", at_least=4), Goal("memory_ratio", at_most=0.1)),
        ),
        Benchmark(
            "changelist",
            "changelist",
            "each under 0.3 s",
            tuple(
                Goal(figure, at_most=0.3)
                for figure in (
                    "default_page",
                    "reported_filter",
                    "date_filter",
                    "search",
                    "last_page",
                )
            ),
        ),
        *_on_both_databases(
            Benchmark(
                "filters",
                "filters",
                "each filter under 0.3 s, and at most 3x the time of the list without a filter",
                (
                    Goal("slowest_seconds", at_most=0.3),
                    Goal("slowest_ratio", at_most=3),
                ),
            )
        ),
        Benchmark(
            "intake",
            "intake",
            "each picture under 300 MB and 1 s of CPU time, an import of the worst under 600 MB",
            (
                Goal("peak_mb", at_most=300),
                Goal("slowest_seconds", at_most=1),
                Goal("import_mb", at_most=600),
            ),
            database="sqlite",
        ),
    )
}
