"""The clock: finds what is due and wakes a worker for it, or does it where no worker is.

Wake-ups may be lost and workers killed. What is left to do stands in the database, and here it is
looked for: waiting batches, due entries, expired leases, old drafts, removals that came to
their end unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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

# A worker at work gives a sign every few seconds. Silent for longer, it sleeps or died.
SILENT = timedelta(seconds=15)
# A worker takes up what it is woken for within a second or two. Later than this, nobody is there.
PATIENCE = timedelta(seconds=10)
# Removals that one tick looks after: enough for any number of moderators.
REMOVALS_A_TICK = 100
# A difference between two clocks that only a machine without working NTP has.
MOST_DIFFERENCE = timedelta(seconds=5)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Work that is later than it should be, for an operator's alarm."""

    removals: int
    entries: int
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.removals or self.entries or self.problems)


def tick(*, alone: bool = False) -> bool:
    """Look once for what is due; return whether this process did some of it itself.

    With `alone` it always does one batch of each removal and one batch of keys. Otherwise it wakes
    workers for all that is left, also while some are at work: they need not know of it. It does the
    work itself only where they are silent and nobody took it up. Then, it looks whether erased keys
    are gone.
    """
    Heartbeat.beat("scheduler")
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
    at_work = Heartbeat.heard("worker", within=SILENT)
    before = server_time.now() - PATIENCE
    late = removals_with_due_batches(confirmed_before=before)
    if not at_work and (late or AuditEntry.objects.due().filter(due_at__lt=before).exists()):
        return _work(late)
    return (
        verify_erased_files() and not at_work
    )  # unhurried beside workers: they use the same storage


def removals_with_due_batches(confirmed_before: datetime | None = None) -> list[int]:
    """Return the confirmed removals with batches that are due now, the oldest first."""
    due = RemovalBatch.objects.due().filter(removal=OuterRef("pk"))
    removals = Removal.objects.deleting().filter(Exists(due))
    if confirmed_before:
        removals = removals.filter(confirmed_at__lt=confirmed_before)
    return list(removals.order_by("confirmed_at").values_list("pk", flat=True)[:REMOVALS_A_TICK])


def overdue() -> Overdue:
    """What should have been done `MODERATION_OVERDUE_MINUTES` ago and was not."""
    before = server_time.now() - timedelta(minutes=conf.overdue_minutes())
    recent = RemovalBatch.objects.filter(removal=OuterRef("pk"), finished_at__gte=before)
    again = AuditEvent.objects.filter(
        removal=OuterRef("pk"),
        type__in=(EventType.RESUME, EventType.RETRY),
        recorded_at__gte=before,
    )
    late = Removal.objects.deleting().filter(
        ~Exists(recent), ~Exists(again), confirmed_at__lt=before
    )
    # Put off for a storage that is not the right one, again and again, without a single try.
    untried = Q(attempts=0, failed_at=None) & ~Q(removal__state=RemovalState.DELETING)
    late_entries = Q(due_at__lt=before) | untried
    marks = StorageIdentity.objects.order_by("alias")
    problems = [f"{mark.alias}: {mark.problem}" for mark in marks if mark.problem]
    problems += [
        f"{mark.alias}: nobody can look whether erased keys are gone. {mark.unverifiable}"
        for mark in marks
        if mark.unverifiable
    ]
    problems += clock_problems()
    problems += missing_problems()
    problems += [
        f"{mark.alias}: it is unknown which files are in use. {mark.reference_problem}"
        for mark in marks
        if mark.reference_problem
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
    if abs(ahead) <= MOST_DIFFERENCE:
        return []
    which = "ahead of" if ahead > timedelta(0) else "behind"
    seconds = f"{abs(ahead).total_seconds():.0f} s"
    return [f"This machine's clock is {seconds} {which} the database's. Use NTP on both."]


def missing_problems() -> list[str]:
    """Return a problem for each storage that missed many files in the last day."""
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
    """Do a batch of each and a batch; what one of them has with the database comes at the end."""
    trouble = None
    for removal in removals:
        try:
            delete_next_batch(removal)
        except TRANSIENT as error:
            trouble = error
    worked = purge_due_files() or bool(removals)
    if trouble:
        raise trouble
    return worked


def _unfinished_removals() -> list[int]:
    unfinished = Removal.objects.running().order_by("pk")
    return list(unfinished.values_list("pk", flat=True)[:REMOVALS_A_TICK])
