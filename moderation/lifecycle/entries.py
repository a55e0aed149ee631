"""The states of audit entries: pending, then erased, kept or failed.

Kept and failed entries may be pending again. Functions that take a queryset change all its entries;
the caller has locked them, or filters by the state that they must have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import models, transaction

from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, Removal
from moderation.models.states import EntryState, RemovalState
from moderation.redaction import ERROR_LENGTH

Entries = models.QuerySet[AuditEntry]


def erase(entries: Entries, **details: Any) -> None:
    """Record that files were deleted from storage, with further columns."""
    entries.update(state=EntryState.ERASED, erased_at=DatabaseNow(), **details)


def fail(entries: Entries, **details: Any) -> None:
    """Record that files could not be erased, after the last attempt."""
    entries.update(state=EntryState.FAILED, failed_at=DatabaseNow(), **details)


def keep(entries: Entries, because: str, **details: Any) -> None:
    """Record that files stay in storage, all for the same reason."""
    entries.update(
        state=EntryState.IN_USE,
        in_use_at=DatabaseNow(),
        in_use_reason=because[:ERROR_LENGTH],
        **details,
    )


def keep_in_use(reasons: Mapping[int, str], *, recheck_after: timedelta) -> None:
    """Record that files stay in storage, by entry, and when to check their use again."""
    kept = [
        AuditEntry(
            pk=pk,
            state=EntryState.IN_USE,
            in_use_at=DatabaseNow(),
            in_use_reason=because[:ERROR_LENGTH],
            recheck_at=DatabaseNow(recheck_after),
        )
        for pk, because in reasons.items()
    ]
    AuditEntry.objects.bulk_update(kept, ["state", "in_use_at", "in_use_reason", "recheck_at"])


def reopen(kept: Mapping[int, int | None]) -> None:
    """Make kept entries pending, in the transaction that holds their locks: {entry: removal}.

    A removal that was done is purging again until all its keys have ended.
    """
    if not kept:
        return
    AuditEntry.objects.filter(pk__any_of=kept.keys()).update(
        state=EntryState.PENDING,
        in_use_reason="",
        recheck_at=None,
        unused_at=None,
        due_at=DatabaseNow(),
        leased_until=None,
    )
    _purge_again(kept.values())


def retry(entries: Entries) -> int:
    """Make failed entries due again with a new set of attempts; return their number.

    A removal that was done is purging again. Names that no storage could take stay failed.
    """
    failed = entries.filter(state=EntryState.FAILED).exclude(error_code="BadName")
    with transaction.atomic():
        _purge_again(failed.order_by().values_list("removal", flat=True).distinct())
        return failed.update(state=EntryState.PENDING, attempts=0, due_at=DatabaseNow())


def _purge_again(removals: Iterable[int | None]) -> None:
    """Lock removals, so that nobody finishes one now; those that were done are purging again."""
    keys = {removal for removal in removals if removal is not None}
    locked = Removal.objects.select_for_update().filter(pk__any_of=keys).order_by("pk")
    done = [removal.pk for removal in locked if removal.state == RemovalState.DONE]
    Removal.objects.filter(pk__any_of=done).update(state=RemovalState.PURGING, finished_at=None)
