"""Deleting rows alone: the speed of batches, and the memory of a worker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import baselines, content, database
from benchmarks.measure import medians, stopwatch
from benchmarks.sizes import Size
from moderation.cascade.batches import keys_of
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals.delete import delete_next_batch
from moderation.storage import write_identity
from posts.models import Post, PostImage

Figures = dict[str, float]
FILES_PER_POST = 2 * content.PICTURES_PER_POST


def rows(_folder: Path, size: Size) -> Figures:
    """Measure posts per second: the batches of a confirmed removal against bare deletions."""
    _fill(size.rows_posts)
    runs = {
        "ours": partial(_rate, size.rows_posts, _delete_batches),
        "bare": partial(_rate, size.rows_posts, _delete_bare),
    }
    rates = medians(runs, rounds=size.rounds)
    return {f"{name}_posts_per_second": rate for name, rate in rates.items()} | {
        "speed_ratio": rates["ours"] / rates["bare"]
    }


def memory(_folder: Path, size: Size) -> Figures:
    """Measure the peak memory of a worker process, with few posts and with many."""
    database.save()
    few, many = (_peak_of_worker(posts) for posts in size.memory_posts)
    return {"few_posts_peak_mb": few, "peak_mb": many, "peak_ratio": many / few}


def _fill(posts: int) -> None:
    content.make_posts(posts)
    write_identity("default")
    content.confirm_all(content.draft())
    database.save()


def _rate(posts: int, delete: Callable[[], None]) -> float:
    database.restore()
    with stopwatch() as watch:
        delete()
    if Post.objects.exists() or PostImage.objects.exists():
        raise RuntimeError("Rows are left.")
    return posts / watch.seconds


def _delete_batches() -> None:
    removal = Removal.objects.get()
    posts = removal.objects_total
    while delete_next_batch(removal.pk):
        pass
    if AuditEntry.objects.count() != posts * FILES_PER_POST:
        raise RuntimeError("Entries are missing.")


def _delete_bare() -> None:
    batches = RemovalBatch.objects.select_related("removal").order_by("number")
    baselines.delete_bare(keys_of(batch) for batch in batches)


def _peak_of_worker(posts: int) -> float:
    """Return the peak memory in MB of a process that does nothing but a worker's work."""
    from django.db import connection

    database.restore()
    content.make_posts(posts)
    write_identity("default")
    content.confirm_all(content.draft())
    connection.close()
    command = [sys.executable, "-m", "benchmarks.worker"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this program
    return float(done.stdout)
