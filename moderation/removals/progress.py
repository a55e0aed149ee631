"""How far a removal got, in numbers."""

from __future__ import annotations

from django.db.models import Count, Q, Sum

from moderation.models import Removal
from moderation.models.states import EntryState, SliceState


def numbers(removal: Removal) -> dict[str, int]:
    """How far it got: objects deleted, gone and left alone, slices, and entries by state."""
    slices = removal.slices.aggregate(
        slices=Count("pk"),
        slices_waiting=Count("pk", filter=Q(state=SliceState.WAITING)),
        slices_failed=Count("pk", filter=Q(state=SliceState.FAILED)),
        slices_put_off=Count("pk", filter=Q(state=SliceState.WAITING, attempts__gt=0)),
        deleted=Sum("deleted_total", default=0),
    )
    entries = removal.entries.aggregate(
        entries=Count("pk"),
        **{state.value: Count("pk", filter=Q(state=state)) for state in EntryState},
    )
    return {**slices, **entries, "found_again": removal.entries.found_again().count()}
