"""From the confirmation to the last erased key, compared with the baselines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import baselines, content, database
from benchmarks.measure import medians, stopwatch
from benchmarks.purger import purger
from benchmarks.sizes import Size
from benchmarks.storage import BenchmarkStorage, BucketStorage, DiskStorage
from moderation.models import AuditEntry, Removal
from moderation.models.states import EntryState
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from posts.models import Post, PostImage

Figures = dict[str, float]
Action = Callable[[], None]


def delete_s3(folder: Path, size: Size) -> Figures:
    """Measure rows on PostgreSQL and files on the S3 gateway, against (a), (b) and (d)."""
    seconds = _compare(
        BucketStorage(folder),
        size,
        ours=_with_two_workers,
        receiver=baselines.delete_by_receiver,
        cleanup=baselines.delete_with_cleanup,
        sql=baselines.delete_by_sql,
    )
    return _figures(seconds) | {"time_ratio_to_sql": seconds["ours"] / seconds["sql"]}


def delete_rtt(folder: Path, size: Size) -> Figures:
    """Measure the same with 20 ms added to each request, against (a)."""
    seconds = _compare(
        BucketStorage(folder, delayed=True),
        size,
        ours=_with_two_workers,
        receiver=baselines.delete_by_receiver,
    )
    return _figures(seconds)


def delete_fs(_folder: Path, size: Size) -> Figures:
    """Measure rows on SQLite, with its single writer, and files on disk, against (a) and (b)."""
    seconds = _compare(
        DiskStorage(),
        size,
        ours=_with_one_worker,
        receiver=baselines.delete_by_receiver,
        cleanup=baselines.delete_with_cleanup,
    )
    return _figures(seconds) | {"time_ratio_to_cleanup": seconds["ours"] / seconds["cleanup"]}


def _figures(seconds: Figures) -> Figures:
    """Return the seconds of each contender, and how many times faster than (a) and (b) ours is."""
    speedups = {
        f"speedup_over_{name}": value / seconds["ours"]
        for name, value in seconds.items()
        if name in ("receiver", "cleanup")
    }
    return {f"{name}_seconds": value for name, value in seconds.items()} | speedups


def _compare(
    storage: BenchmarkStorage,
    size: Size,
    *,
    ours: Callable[[BenchmarkStorage], float],
    **baseline_actions: Action,
) -> Figures:
    """Return the median seconds of ours and of each baseline, on the same rows and files."""
    content.make_posts(size.deletion_posts)
    storage.prepare()
    content.draft()
    database.save()
    runs = {name: partial(_run, storage, action) for name, action in baseline_actions.items()}
    return medians({"ours": partial(ours, storage), **runs}, rounds=size.rounds)


def _run(storage: BenchmarkStorage, action: Action) -> float:
    database.restore()
    with storage.filled():
        return _measured(action)


def _with_one_worker(storage: BenchmarkStorage) -> float:
    return _run(storage, partial(_remove, _purge))


def _with_two_workers(storage: BenchmarkStorage) -> float:
    """Delete the batches in this process, while a second one purges the keys that they leave."""
    database.restore()
    with storage.filled() as env, purger(env) as second:
        return _measured(partial(_remove, second.finish))


def _measured(action: Action) -> float:
    with stopwatch() as watch:
        action()
    if Post.objects.exists() or PostImage.objects.exists():
        raise RuntimeError("Rows are left.")
    return watch.seconds


def _remove(finish: Action) -> None:
    """Confirm the removal, delete its batches, and call `finish` to purge the remaining keys."""
    removal = Removal.objects.get()
    content.confirm_all(removal)
    while delete_next_batch(removal.pk):
        pass
    finish()
    if AuditEntry.objects.exclude(state=EntryState.ERASED).exists():
        raise RuntimeError("Keys are left.")


def _purge() -> None:
    while purge_due_files():
        pass
