"""The state transitions of audit entries: from pending to erased, in use or failed.

Entries that are in use or failed can become pending again, and a failed entry becomes erased if its
key is erased for another entry. Functions that take a queryset change all its entries; the caller
must lock them, or filter them by their state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, Removal
from moderation.models.querysets import AuditEntryQuerySet
from moderation.models.states import EntryState, RemovalState
from moderation.redaction import ERROR_LENGTH

# How long a used key waits if its removal has batches left, which may delete those rows too.
UNDECIDED = timedelta(seconds=5)


def mark_erased(entries: AuditEntryQuerySet, **details: Any) -> None:
    """Record that files were deleted from storage. `details` are further columns."""
    entries.update(state=EntryState.ERASED, erased_at=DatabaseNow(), **details)


def mark_failed(entries: AuditEntryQuerySet, **details: Any) -> None:
    """Record that files could not be erased, after the last attempt."""
    entries.update(state=EntryState.FAILED, failed_at=DatabaseNow(), **details)


def mark_in_use(entries: AuditEntryQuerySet, *, reason: str, **details: Any) -> None:
    """Record that files stay in storage, all for the same reason."""
    entries.update(
        state=EntryState.IN_USE,
        in_use_at=DatabaseNow(),
        in_use_reason=reason[:ERROR_LENGTH],
        **details,
    )


def mark_each_in_use(reasons: Mapping[int, str], *, recheck_after: timedelta) -> None:
    """Record that files stay in storage because rows use them: {entry: reason}.

    They are checked again after `recheck_after`.
    """
    in_use = [
        AuditEntry(
            pk=pk,
            state=EntryState.IN_USE,
            in_use_at=DatabaseNow(),
            in_use_reason=reason[:ERROR_LENGTH],
            recheck_at=DatabaseNow(recheck_after),
        )
        for pk, reason in reasons.items()
    ]
    AuditEntry.objects.bulk_update(in_use, ["state", "in_use_at", "in_use_reason", "recheck_at"])


def reopen(removals: Mapping[int, int | None]) -> None:
    """Make entries that are in use pending again: {entry: its removal}.

    Call this in the transaction that locked the entries. Removals that were done return to purging.
    """
    if not removals:
        return
    AuditEntry.objects.filter(pk__any_of=removals.keys()).update(
        state=EntryState.PENDING,
        in_use_reason="",
        recheck_at=None,
        unused_at=None,
        due_at=DatabaseNow(),
        leased_until=None,
    )
    _reopen_removals(removals.values())


def retry(entries: AuditEntryQuerySet) -> int:
    """Make the failed entries among `entries` due again, with no attempts; return their number.

    Removals that were done return to purging. Entries whose name the storage rejects stay failed.
    """
    failed = entries.failed().exclude(error_code="BadName")
    with transaction.atomic():
        _reopen_removals(failed.order_by().values_list("removal", flat=True).distinct())
        return failed.update(state=EntryState.PENDING, attempts=0, due_at=DatabaseNow())


def _reopen_removals(removals: Iterable[int | None]) -> None:
    """Lock removals, so that none of them finishes now, and move those that are done to purging."""
    keys = {removal for removal in removals if removal is not None}
    locked = Removal.objects.select_for_update().filter(pk__any_of=keys).order_by("pk")
    done = [removal.pk for removal in locked if removal.state == RemovalState.DONE]
    Removal.objects.filter(pk__any_of=done).update(state=RemovalState.PURGING, finished_at=None)
