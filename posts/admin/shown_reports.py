"""The reports on a post's page, and the dismissals that can be undone there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from moderation.admin.display import count
from moderation.templatetags.moderation_numbers import grouped
from posts.models import Post, Report, ReportState


@dataclass(frozen=True, slots=True)
class ShownDismissal:
    """A dismissal of reports on a post's page: a phrase about it, and the URL that undoes it.

    `total` is the number of all its reports if it was about other posts too, else "".
    """

    text: str
    url: str
    total: str


def shown_reports(context: dict[str, Any], post: Post) -> list[Report]:
    """Return the reports as they were read for the page with this context.

    Reads them from the database if the page has none because the user may not view reports.
    """
    for each in context["inline_admin_formsets"]:
        if each.formset.model is Report:
            return list(each.formset.get_queryset())
    return list(post.reports.all())


def shown_dismissals(
    reports: Iterable[Report], url_of: Callable[[UUID], str]
) -> list[ShownDismissal]:
    """Return the dismissals of those reports that are dismissed. Runs at most one query."""
    by_dismissal: dict[UUID, list[Report]] = defaultdict(list)
    for report in reports:
        if report.state == ReportState.DISMISSED and report.dismissal:
            by_dismissal[report.dismissal].append(report)
    if not by_dismissal:
        return []
    every = Report.objects.filter(dismissal__in=by_dismissal).order_by().values("dismissal")
    totals = dict(every.annotate(total=Count("pk")).values_list("dismissal", "total"))
    return [
        ShownDismissal(
            text=_phrase(found),
            url=url_of(dismissal),
            total=grouped(total) if (total := totals.get(dismissal, 0)) > len(found) else "",
        )
        for dismissal, found in by_dismissal.items()
    ]


def decided(report: Report) -> dict[str, str]:
    """Return who dismissed a report, and when, as values for the placeholders of a text."""
    assert report.decided_at is not None  # noqa: S101 - dismissed reports have it
    when = date_format(localtime(report.decided_at), "DATETIME_FORMAT")
    return {"name": report.decided_by, "time": when}


def _phrase(reports: list[Report]) -> str:
    text = _("%(reports)s dismissed by %(name)s, %(time)s")
    number = count(Report._meta.label, len(reports))
    return text % {"reports": number, **decided(reports[0])}
