"""Entries whose files live rows use: they are kept, and due again when no row uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import F

from moderation import conf
from moderation.database_time import DatabaseNow
from moderation.models import AuditEntry, Removal
from moderation.models.audit import ERROR_LENGTH, EntryState
from moderation.models.removal import RemovalState
from moderation.purge.references import Usage

if TYPE_CHECKING:
    from moderation.purge.claim import Claimed

# How long a shared key waits while its removal has slices left that may delete its other rows.
UNDECIDED = timedelta(seconds=5)
# How long a key waits if a model that may use it could not be searched.
UNKNOWN = timedelta(minutes=1)


def kept_for_rows(storage: str, identity: UUID | None) -> models.QuerySet[AuditEntry]:
    """Return the entries that were kept because a row used the file, not for a newer version."""
    kept = AuditEntry.objects.filter(state=EntryState.KEPT, storage=storage, identity=identity)
    return kept.exclude(kept_because=F("remark"))


def decide(entries: Sequence[Claimed], usage: Usage) -> frozenset[int]:
    """Keep the entries whose files live rows use; return the removals of those now kept.

    Put off entries for which that is unknown, or whose removal still has slices to run.
    """
    unknown = [entry.pk for entry in entries if entry.key in usage.unknown]
    _put_off(unknown, UNKNOWN)
    used = [entry for entry in entries if entry.key in usage.users]
    removals = {entry.removal for entry in used if entry.removal is not None}
    deleting = Removal.objects.filter(pk__any_of=removals, state=RemovalState.DELETING)
    running = set(deleting.values_list("pk", flat=True))
    _put_off([entry.pk for entry in used if entry.removal in running], UNDECIDED)
    kept = [entry for entry in used if entry.removal not in running]
    decided = [
        AuditEntry(
            pk=entry.pk,
            state=EntryState.KEPT,
            kept_at=DatabaseNow(),
            kept_because=f"still used by {usage.users[entry.key]}"[:ERROR_LENGTH],
            recheck_at=DatabaseNow(timedelta(minutes=conf.recheck_minutes())),
        )
        for entry in kept
    ]
    columns = ["state", "kept_at", "kept_because", "recheck_at"]
    AuditEntry.objects.bulk_update(decided, columns)
    return frozenset(entry.removal for entry in kept if entry.removal is not None)


def reopen(kept: Mapping[int, int | None]) -> None:
    """Make kept entries pending, in the transaction that holds their locks: {entry: removal}.

    A removal that was done is purging again until `settle` finds that all its keys have ended.
    """
    if not kept:
        return
    AuditEntry.objects.filter(pk__any_of=kept.keys()).update(
        state=EntryState.PENDING, kept_because="", recheck_at=None, unused_at=None,
        due_at=DatabaseNow(), leased_until=None,
    )  # fmt: skip
    concerned = {removal for removal in kept.values() if removal is not None}
    locked = Removal.objects.select_for_update().filter(pk__any_of=concerned).order_by("pk")
    done = [removal.pk for removal in locked if removal.state == RemovalState.DONE]
    Removal.objects.filter(pk__any_of=done).update(state=RemovalState.PURGING, finished_at=None)


def _put_off(keys: Sequence[int], pause: timedelta) -> None:
    pending = AuditEntry.objects.filter(pk__any_of=keys, state=EntryState.PENDING)
    pending.update(due_at=DatabaseNow(pause))
