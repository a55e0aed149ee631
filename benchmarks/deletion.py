"""From the confirmation to the last key erased, beside what a site would do by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import content, database, peers
from benchmarks.measure import medians, stopwatch
from benchmarks.purger import purger
from benchmarks.sizes import Size
from benchmarks.stored import InBucket, OnDisk, Stored
from moderation.models import AuditEntry, Removal
from moderation.models.states import EntryState
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from posts.models import Post, PostImage

Figures = dict[str, float]
DeletionContext = Callable[[], None]


def delete_s3(place: Path, size: Size) -> Figures:
    """Rows on PostgreSQL, files on the S3 gateway; against (a), (b) and (d)."""
    seconds = _compete(
        InBucket(place),
        size,
        ours=_by_two_workers,
        receiver=peers.delete_by_receiver,
        cleanup=peers.delete_with_cleanup,
        floor=peers.delete_by_hand,
    )
    return _named(seconds) | {"of_floor": seconds["ours"] / seconds["floor"]}


def delete_rtt(place: Path, size: Size) -> Figures:
    """The same, with 20 ms added to each request; against (a)."""
    stored = InBucket(place, delayed=True)
    return _named(_compete(stored, size, ours=_by_two_workers, receiver=peers.delete_by_receiver))


def delete_fs(_place: Path, size: Size) -> Figures:
    """Rows on SQLite, files on disk; against (a) and (b). Only one writes on SQLite at a time."""
    seconds = _compete(
        OnDisk(),
        size,
        ours=_by_one_worker,
        receiver=peers.delete_by_receiver,
        cleanup=peers.delete_with_cleanup,
    )
    return _named(seconds) | {"of_cleanup": seconds["ours"] / seconds["cleanup"]}


def _named(seconds: Figures) -> Figures:
    """Return the seconds of each, and how many times ours the others take."""
    times = {
        f"times_{name}": value / seconds["ours"]
        for name, value in seconds.items()
        if name in ("receiver", "cleanup")
    }
    return {f"{name}_seconds": value for name, value in seconds.items()} | times


def _compete(
    stored: Stored, size: Size, *, ours: Callable[[Stored], float], **peers_deeds: DeletionContext
) -> Figures:
    """The median seconds of ours and of each peer, on the same rows and files again and again."""
    content.make_posts(size.deletion_posts)
    stored.fill()
    content.draft()
    database.save()
    runs = {name: partial(_run, stored, deed) for name, deed in peers_deeds.items()}
    return medians({"ours": partial(ours, stored), **runs}, rounds=size.rounds)


def _run(stored: Stored, deed: DeletionContext) -> float:
    database.restore()
    with stored.laid():
        return _measured(deed)


def _by_one_worker(stored: Stored) -> float:
    return _run(stored, partial(_remove, _purge))


def _by_two_workers(stored: Stored) -> float:
    """The other has the keys that this one's batches leave."""
    database.restore()
    with stored.laid() as env, purger(env) as second:
        return _measured(partial(_remove, second.finish))


def _measured(deed: DeletionContext) -> float:
    with stopwatch() as watch:
        deed()
    if Post.objects.exists() or PostImage.objects.exists():
        raise RuntimeError("Rows are left.")
    return watch.seconds


def _remove(finish: DeletionContext) -> None:
    """Ours: confirm, delete batch by batch, then see to the last key."""
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
