"""Mark claimed entries as in use if live rows use their files.

`moderation.purge.recheck` checks these entries again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.lifecycle import entries as lifecycle
from moderation.models import AuditEntry, Removal
from moderation.purge.queue import Claimed
from moderation.references.search import Usage

# How long a key waits if a model that may use it could not be searched.
UNKNOWN = timedelta(minutes=1)


def mark_used_entries(entries: Sequence[Claimed], usage: Usage) -> frozenset[int]:
    """Mark entries as in use if live rows use their files; return the removals of those marked.

    Reschedule entries for which the use is unknown, or whose removal still has batches to run.
    """
    unknown = [entry.pk for entry in entries if entry.key in usage.unknown]
    _reschedule(unknown, UNKNOWN)
    used = [entry for entry in entries if entry.key in usage.users]
    removals = {entry.removal for entry in used if entry.removal is not None}
    deleting = Removal.objects.deleting().filter(pk__any_of=removals)
    running = set(deleting.values_list("pk", flat=True))
    _reschedule([entry.pk for entry in used if entry.removal in running], lifecycle.UNDECIDED)
    decided = [entry for entry in used if entry.removal not in running]
    reasons = {entry.pk: f"still used by {usage.users[entry.key]}" for entry in decided}
    lifecycle.mark_each_in_use(reasons, recheck_after=timedelta(minutes=conf.recheck_minutes()))
    return frozenset(entry.removal for entry in decided if entry.removal is not None)


def _reschedule(pks: Sequence[int], pause: timedelta) -> None:
    pending = AuditEntry.objects.pending().filter(pk__any_of=pks)
    pending.update(due_at=DatabaseNow(pause))
