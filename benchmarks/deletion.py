"""From the confirmation to the last key erased, beside what a site would do by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

from django.db import connection

from benchmarks import content, database, peers
from benchmarks.measure import medians, stopwatch
from benchmarks.sizes import Size
from benchmarks.stored import InBucket, OnDisk, Stored
from moderation.models import AuditEntry, Removal
from moderation.models.audit import EntryState
from moderation.purge.batch import purge_batch
from moderation.removal.delete import delete_next_slice
from posts.models import Post, PostImage

Figures = dict[str, float]
Deed = Callable[[], None]
# Seconds after which a worker that found nothing looks again; the real one waits for longer.
IDLE = 0.02


def delete_s3(place: Path, size: Size) -> Figures:
    """Rows on PostgreSQL, files on the S3 gateway; against (a), (b) and (d)."""
    seconds = _compete(
        InBucket(place),
        size,
        ours=_remove_by_two,
        receiver=peers.delete_by_receiver,
        cleanup=peers.delete_with_cleanup,
        floor=peers.delete_by_hand,
    )
    return _named(seconds) | {"of_floor": seconds["ours"] / seconds["floor"]}


def delete_rtt(place: Path, size: Size) -> Figures:
    """The same, with 20 ms added to each request; against (a)."""
    stored = InBucket(place, delayed=True)
    return _named(_compete(stored, size, ours=_remove_by_two, receiver=peers.delete_by_receiver))


def delete_fs(_place: Path, size: Size) -> Figures:
    """Rows on SQLite, files on disk; against (a) and (b)."""
    seconds = _compete(
        OnDisk(),
        size,
        ours=_remove,
        receiver=peers.delete_by_receiver,
        cleanup=peers.delete_with_cleanup,
    )
    return _named(seconds) | {"of_cleanup": seconds["ours"] / seconds["cleanup"]}


def _named(seconds: Figures) -> Figures:
    """The seconds of each, and how many times ours the others take."""
    times = {
        f"times_{name}": value / seconds["ours"]
        for name, value in seconds.items()
        if name in ("receiver", "cleanup")
    }
    return {f"{name}_seconds": value for name, value in seconds.items()} | times


def _compete(stored: Stored, size: Size, **deeds: Deed) -> Figures:
    """The median seconds of each deed, done on the same rows and files again and again."""
    content.make_posts(size.deletion_posts)
    stored.fill()
    content.draft()
    database.save()
    runs = {name: partial(_run, stored, deed) for name, deed in deeds.items()}
    return medians(runs, rounds=size.rounds)


def _run(stored: Stored, deed: Deed) -> float:
    database.restore()
    with stored.laid():
        with stopwatch() as watch:
            deed()
        if Post.objects.exists() or PostImage.objects.exists():
            raise RuntimeError("Rows are left.")
    return watch.seconds


def _remove() -> None:
    """Ours, in this process one after the other: confirm, delete slice by slice, then purge."""
    removal = _confirmed()
    while delete_next_slice(removal.pk):
        pass
    while purge_batch():
        pass
    _refuse_left()


def _remove_by_two() -> None:
    """Ours with two workers, as threads: one has the slices, the other the keys they leave."""
    removal = _confirmed()
    deleted = Event()
    with ThreadPoolExecutor(1) as pool:
        purging = pool.submit(_purge, deleted)
        try:
            while delete_next_slice(removal.pk):
                pass
        finally:
            deleted.set()
        purging.result()
    _refuse_left()


def _purge(deleted: Event) -> None:
    """Purge what is due until nothing is, once the slices are deleted."""
    try:
        while purge_batch() or not deleted.wait(IDLE) or purge_batch():
            pass
    finally:
        connection.close()  # this thread's own


def _confirmed() -> Removal:
    removal = Removal.objects.get()
    content.confirm_all(removal)
    return removal


def _refuse_left() -> None:
    if AuditEntry.objects.exclude(state=EntryState.ERASED).exists():
        raise RuntimeError("Keys are left.")
