"""Numbers for the start page of the admin."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import template
from django.db.models import QuerySet

from moderation.admin.access import visible_entries
from moderation.models import AuditEntry
from posts.reported_posts import open_reports

register = template.Library()

MOST_COUNTED = 10_000  # counting up to here takes milliseconds


class CappedCount(NamedTuple):
    """A number of rows, or MOST_COUNTED if there are more."""

    number: int
    is_capped: bool


@register.simple_tag
def reported_posts() -> CappedCount:
    """Return the number of posts with open reports."""
    return _counted(open_reports().values("post").distinct())


@register.simple_tag(takes_context=True)
def failed_files(context: dict[str, Any]) -> CappedCount:
    """Return the number of files that could not be erased and that the user may view."""
    failed = AuditEntry.objects.failed().order_by()
    return _counted(visible_entries(context["user"], failed))


def _counted(rows: QuerySet[Any, Any]) -> CappedCount:
    number = rows[: MOST_COUNTED + 1].count()
    return CappedCount(min(number, MOST_COUNTED), number > MOST_COUNTED)
