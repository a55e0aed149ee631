"""Failures that remain until someone acts, for `purge --check` and the admin's pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count
from django.urls import NoReverseMatch, reverse

from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, Removal, RemovalBatch

# How long a failure that no retry can fix raises an alarm. The pages always show it.
ALARM = timedelta(days=30)
# The most removals that an alarm lists.
MAX_LISTED = 5


class Failed(NamedTuple):
    """The failures of one removal: batches, failed keys, and erased keys that were found again."""

    batches: int = 0
    entries: int = 0
    again: int = 0

    def __bool__(self) -> bool:
        return any(self)


def failed_of(removals: Collection[Removal]) -> dict[int, Failed]:
    """Return the failures of each removal, by its number. Runs three queries in total."""
    keys = [removal.pk for removal in removals]
    batches = _by_removal(RemovalBatch.objects.failed(), keys)
    entries = _by_removal(AuditEntry.objects.failed(), keys)
    again = _by_removal(AuditEntry.objects.found_again(), keys)
    return {
        key: Failed(batches.get(key, 0), entries.get(key, 0), again.get(key, 0)) for key in keys
    }


def _by_removal(rows: Any, removals: list[int]) -> dict[int, int]:
    counted = rows.filter(removal__in=removals).order_by().values("removal")
    return dict(counted.annotate(n=Count("pk")).values_list("removal", "n"))


def alarms() -> Iterator[str]:
    """Yield messages for an operator: how much of what failed, and where to find it."""
    since = DatabaseNow(-ALARM)
    failed = AuditEntry.objects.failed()
    if keys := failed.exclude(error_code="BadName", failed_at__lt=since).count():
        where = _entries("state__exact=failed")
        yield (
            f"{keys} keys could not be erased, see {where}; fix the cause, then run "
            "purge --retry-failed"
        )
    batches = RemovalBatch.objects.failed().filter(finished_at__gte=since)
    if count := batches.count():
        numbers = batches.order_by("-removal").values_list("removal", flat=True).distinct()
        pages = [_page_of(number) for number in numbers[:MAX_LISTED]]
        yield f"{count} batches failed and their objects still exist, see {', '.join(pages)}"
    if again := AuditEntry.objects.found_again().filter(verified_at__gte=since).count():
        yield f"{again} erased keys were found in storage again, see {_entries('found=again')}"


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
