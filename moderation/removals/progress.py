"""The progress of a removal, in numbers."""

from __future__ import annotations

from django.db.models import Count, Q, Sum

from moderation.models import Removal
from moderation.models.states import BatchState, EntryState


def numbers(removal: Removal) -> dict[str, int]:
    """Return the numbers of objects deleted, of batches and of audit entries by state.

    Also counts the entries whose files were found again after they were erased.
    """
    batches = removal.batches.aggregate(
        batches=Count("pk"),
        batches_waiting=Count("pk", filter=Q(state=BatchState.WAITING)),
        batches_failed=Count("pk", filter=Q(state=BatchState.FAILED)),
        batches_rescheduled=Count("pk", filter=Q(state=BatchState.WAITING, attempts__gt=0)),
        deleted=Sum("deleted_total", default=0),
    )
    entries = removal.entries.aggregate(
        entries=Count("pk"),
        **{state.value: Count("pk", filter=Q(state=state)) for state in EntryState},
    )
    return {**batches, **entries, "found_again": removal.entries.found_again().count()}
