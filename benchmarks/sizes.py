"""The sizes of the benchmarks: `full` for real figures, `small` to see whether they work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of rows, keys and rounds. Each post has three pictures, each with a thumbnail."""

    rounds: int = 3  # one disturbed round does not change a median of three
    deletion_posts: int = 2_000
    rows_posts: int = 100_000
    memory_posts: tuple[int, int] = (10_000, 100_000)
    confirm_posts: int = 50_000
    distinct_pictures: int = 1_000
    compared_hashes: int = 10_000
    stored_hashes: int = 1_000_000
    worker_keys: int = 2_000
    export_entries: int = 1_000_000
    changelist_posts: int = 1_000_000
    intake_every: int = 1  # every n-th of the tests' pictures is measured


SIZES = {
    "full": Size(),
    "small": Size(
        deletion_posts=25,
        rows_posts=1_500,
        memory_posts=(1_000, 3_000),
        confirm_posts=1_500,
        distinct_pictures=30,
        compared_hashes=500,
        stored_hashes=20_000,
        worker_keys=396,
        export_entries=10_000,
        changelist_posts=10_000,
        intake_every=3,
    ),
    # For the test of the harness: takes seconds, and its figures mean nothing.
    "tiny": Size(
        rounds=1,
        deletion_posts=2,
        rows_posts=20,
        memory_posts=(20, 40),
        confirm_posts=20,
        distinct_pictures=5,
        compared_hashes=20,
        stored_hashes=50,
        worker_keys=12,
        export_entries=20,
        changelist_posts=20,
        intake_every=50,
    ),
}
