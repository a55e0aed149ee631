"""The scheduler: finds due work and enqueues tasks for it, or does it if no worker is running.

Tasks may be lost and workers killed, but the remaining work is in the database. The scheduler looks
for it there: waiting batches, due entries, expired leases, old drafts, and removals that are
complete but still in the state of a running one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Count, Exists, Max, OuterRef, Q

from moderation import conf
from moderation.db import server_time
from moderation.db.errors import TRANSIENT
from moderation.db.server_time import DatabaseNow
from moderation.jobs import tasks
from moderation.lifecycle.removals import advance
from moderation.models import (
    AuditEntry,
    AuditEvent,
    Heartbeat,
    Removal,
    RemovalBatch,
    StorageIdentity,
)
from moderation.models.states import EventType, RemovalState
from moderation.purge.recheck import recheck_files_in_use
from moderation.purge.run import purge_due_files
from moderation.purge.storage_problems import recheck_problems
from moderation.purge.verify import verify_erased_files
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import expire_drafts

# A worker with a heartbeat within this time is busy. Otherwise it is idle or dead, or waits for a
# slow storage. The scheduler may then work beside it: claims are leased.
BUSY_WITHIN = timedelta(seconds=15)
# A worker starts a task within a second or two. If it takes longer, no worker is running.
MAX_START_DELAY = timedelta(seconds=10)
# The most removals that one run handles: enough for any number of moderators.
REMOVALS_PER_RUN = 100
# A larger difference between two clocks occurs only without working NTP.
MAX_DIFFERENCE = timedelta(seconds=5)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Work that is overdue, and problems that an operator has to solve."""

    removals: int
    entries: int
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.removals or self.entries or self.problems)


def run_once(*, alone: bool = False) -> bool:
    """Look for due work once; return whether to look again without a pause.

    With `alone`, always delete one batch of each removal and purge for a few seconds. Otherwise,
    enqueue tasks for all due work, even while workers are busy, because they may be unaware of it.
    Then do the work here only if no worker has a recent heartbeat and none has started it. If this
    process deletes and purges nothing, verify that erased keys are absent.
    """
    tasks.record_heartbeat("scheduler")
    expire_drafts()
    recheck_problems()
    advance(*_unfinished_removals())
    recheck_files_in_use()
    if alone:
        return _work(removals_with_due_batches()) or verify_erased_files()
    for removal in removals_with_due_batches():
        tasks.enqueue_deletion(removal)
    if AuditEntry.objects.due().exists():
        tasks.enqueue_purge()
    are_busy = Heartbeat.is_recent("worker", within=BUSY_WITHIN)
    before = server_time.now() - MAX_START_DELAY
    late = removals_with_due_batches(confirmed_before=before)
    if not are_busy and (late or AuditEntry.objects.due().filter(due_at__lt=before).exists()):
        return _work(late)
    verified = verify_erased_files()
    return verified and not are_busy  # verify slowly beside workers, which use the same storage


def removals_with_due_batches(confirmed_before: datetime | None = None) -> list[int]:
    """Return the numbers of the removals that have due batches, the oldest confirmation first.

    At most `REMOVALS_PER_RUN` are returned.
    """
    due = RemovalBatch.objects.due().filter(removal=OuterRef("pk"))
    removals = Removal.objects.deleting().filter(Exists(due))
    if confirmed_before:
        removals = removals.filter(confirmed_at__lt=confirmed_before)
    return list(removals.order_by("confirmed_at").values_list("pk", flat=True)[:REMOVALS_PER_RUN])


def overdue() -> Overdue:
    """Return the work that has been due for `MODERATION_OVERDUE_MINUTES`, and all problems."""
    before = server_time.now() - timedelta(minutes=conf.overdue_minutes())
    progressed = RemovalBatch.objects.filter(removal=OuterRef("pk"), finished_at__gte=before)
    resumed = AuditEvent.objects.filter(
        removal=OuterRef("pk"),
        type__in=(EventType.RESUME, EventType.RETRY),
        recorded_at__gte=before,
    )
    late = Removal.objects.deleting().filter(
        ~Exists(progressed), ~Exists(resumed), confirmed_at__lt=before
    )
    # Rescheduled repeatedly without an attempt, because the storage is not the expected one.
    unattempted = Q(attempts=0, failed_at=None) & ~Q(removal__state=RemovalState.DELETING)
    late_entries = Q(due_at__lt=before) | unattempted
    known = StorageIdentity.objects.order_by("alias")
    problems = [f"{storage.alias}: {storage.problem}" for storage in known if storage.problem]
    problems += [
        f"{storage.alias}: it cannot be verified that erased keys are absent. "
        f"{storage.unverifiable}"
        for storage in known
        if storage.unverifiable
    ]
    problems += clock_problems()
    problems += missing_problems()
    problems += [
        f"{storage.alias}: it is unknown which files are in use. {storage.reference_problem}"
        for storage in known
        if storage.reference_problem
    ]
    return Overdue(
        removals=late.count(),
        entries=AuditEntry.objects.free().filter(late_entries, recorded_at__lt=before).count(),
        problems=tuple(problems),
    )


def clock_problems() -> list[str]:
    """Return a problem if this machine's clock differs too much from the database's.

    Stored times come from the database, but a storage refuses requests with a wrong time, and times
    in logs would be wrong.
    """
    ahead = server_time.difference()
    if abs(ahead) <= MAX_DIFFERENCE:
        return []
    which = "ahead of" if ahead > timedelta(0) else "behind"
    seconds = f"{abs(ahead).total_seconds():.0f} s"
    return [f"This machine's clock is {seconds} {which} the database's. Use NTP on both."]


def missing_problems() -> list[str]:
    """Return a problem for each storage in which many files were missing in the last day."""
    missing = AuditEntry.objects.missing().filter(erased_at__gte=DatabaseNow(-A_DAY))
    numbers = missing.order_by("storage").values_list("storage").annotate(Count("pk"), Max("pk"))
    return [
        f"{storage}: {number} files to be erased in the last day were already missing (the last is "
        f"audit entry {entry}). Find out whether something else deletes them, or whether a folder "
        "was moved and they still exist."
        for storage, number, entry in numbers
        if number >= conf.missing_alarm()
    ]


def _work(removals: list[int]) -> bool:
    """Delete a batch of each removal, then purge; return whether anything was due.

    A transient database error of a batch is raised at the end, after the other work.
    """
    last_error = None
    for removal in removals:
        try:
            delete_next_batch(removal)
        except TRANSIENT as error:
            last_error = error
    purged = purge_due_files(after_write=partial(tasks.record_heartbeat, "scheduler"))
    if last_error:
        raise last_error
    return purged or bool(removals)


def _unfinished_removals() -> list[int]:
    unfinished = Removal.objects.running().order_by("pk")
    return list(unfinished.values_list("pk", flat=True)[:REMOVALS_PER_RUN])
