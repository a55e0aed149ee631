"""What ended badly and stays so until a person acts: for `purge --check` and the pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count
from django.urls import NoReverseMatch, reverse

from moderation.database_time import DatabaseNow
from moderation.models import AuditEntry, Removal, RemovalSlice
from moderation.models.audit import EntryState
from moderation.models.removal import SliceState
from moderation.removal.progress import found_again

# What no retry can put right is an alarm for so long; the pages show it for ever.
ALARM = timedelta(days=30)
# Removals that an alarm names one by one.
NAMED = 5


class Failed(NamedTuple):
    """How much of one removal ended badly: batches, parked keys, and erased keys seen again."""

    slices: int = 0
    entries: int = 0
    again: int = 0

    def __bool__(self) -> bool:
        return any(self)


def failed_of(removals: Collection[Removal]) -> dict[int, Failed]:
    """What ended badly in each of some removals, by number. Three queries in all."""
    keys = [removal.pk for removal in removals]
    slices = _by_removal(RemovalSlice.objects.filter(state=SliceState.FAILED), keys)
    entries = _by_removal(AuditEntry.objects.filter(state=EntryState.FAILED), keys)
    again = _by_removal(found_again(AuditEntry.objects.all()), keys)
    return {key: Failed(slices.get(key, 0), entries.get(key, 0), again.get(key, 0)) for key in keys}


def _by_removal(rows: Any, removals: list[int]) -> dict[int, int]:
    counted = rows.filter(removal__in=removals).order_by().values("removal")
    return dict(counted.annotate(n=Count("pk")).values_list("removal", "n"))


def alarms() -> Iterator[str]:
    """What an operator has to look at, each with its number and where to look."""
    since = DatabaseNow(-ALARM)
    failed = AuditEntry.objects.filter(state=EntryState.FAILED)
    if parked := failed.exclude(error_code="BadName", failed_at__lt=since).count():
        where = _entries("state__exact=failed")
        yield (
            f"{parked} keys could not be erased and are parked, see {where}; "
            "purge --retry-failed tries them again"
        )
    slices = RemovalSlice.objects.filter(state=SliceState.FAILED, finished_at__gte=since)
    if broken := slices.count():
        numbers = slices.order_by("-removal").values_list("removal", flat=True).distinct()
        pages = [_page_of(number) for number in numbers[:NAMED]]
        yield f"{broken} batches failed and their objects are still there, see {', '.join(pages)}"
    seen = found_again(AuditEntry.objects.filter(verified_at__gte=since)).count()
    if seen:
        yield f"{seen} erased keys were found in storage again, see {_entries('found=again')}"


def _entries(query: str) -> str:
    try:
        return f"{reverse('admin:moderation_auditentry_changelist')}?{query}"
    except NoReverseMatch:  # a site may leave the audit log out of its admin
        return "the audit log"


def _page_of(removal: int) -> str:
    try:
        return reverse("admin:moderation_removal_change", args=[removal])
    except NoReverseMatch:
        return f"removal #{removal}"
