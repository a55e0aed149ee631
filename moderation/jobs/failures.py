"""Failures that remain until someone acts, for `purge --check` and the admin's pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.urls import NoReverseMatch, reverse

from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.templatetags.moderation_numbers import counted

# How long these raise an alarm: failed batches, keys found again, and names that a storage rejects.
# The pages always show them. Other failed keys raise an alarm until they are erased.
ALARM_PERIOD = timedelta(days=30)
# The most removals that an alarm lists.
MAX_LISTED = 5


class Failed(NamedTuple):
    """The failures of one removal: batches, failed keys, and erased keys that were found again."""

    batches: int = 0
    entries: int = 0
    found_again: int = 0

    def __bool__(self) -> bool:
        return any(self)


def failed_of(removals: Collection[Removal]) -> dict[int, Failed]:
    """Return the failures of each removal, by its number. Runs three queries in total."""
    keys = [removal.pk for removal in removals]
    batches = _by_removal(RemovalBatch.objects.failed(), keys)
    entries = _by_removal(AuditEntry.objects.failed(), keys)
    found_again = _by_removal(AuditEntry.objects.found_again(), keys)
    return {
        key: Failed(batches.get(key, 0), entries.get(key, 0), found_again.get(key, 0))
        for key in keys
    }


def _by_removal(rows: QuerySet[Any], removals: list[int]) -> dict[int, int]:
    """Return how many of the rows each removal has."""
    counted = rows.filter(removal__in=removals).order_by().values("removal")
    return dict(counted.annotate(n=Count("pk")).values_list("removal", "n"))


def alarms() -> Iterator[str]:
    """Yield messages for an operator: how much of what failed, and where to find it."""
    since = DatabaseNow(-ALARM_PERIOD)
    failed = AuditEntry.objects.failed()
    if count := failed.exclude(error_code="BadName", failed_at__lt=since).count():
        where = _audit_log("state__exact=failed")
        yield (
            f"{counted(count, 'key')} could not be erased, see {where}; fix the cause, then run "
            "purge --retry-failed"
        )
    batches = RemovalBatch.objects.failed().filter(finished_at__gte=since)
    if count := batches.count():
        numbers = batches.order_by("-removal").values_list("removal", flat=True).distinct()
        pages = [_removal_page(number) for number in numbers[:MAX_LISTED]]
        total = counted(count, "batch", "batches")
        yield f"{total} failed, so the objects still exist, see {', '.join(pages)}"
    if count := AuditEntry.objects.found_again().filter(verified_at__gte=since).count():
        where = _audit_log("found=again")
        yield f"{counted(count, 'erased key')} found in storage again, see {where}"


def _audit_log(query: str) -> str:
    try:
        return f"{reverse('admin:moderation_auditentry_changelist')}?{query}"
    except NoReverseMatch:  # a site may leave the audit log out of its admin
        return "the audit log"


def _removal_page(removal: int) -> str:
    try:
        return reverse("admin:moderation_removal_change", args=[removal])
    except NoReverseMatch:
        return f"removal #{removal}"
