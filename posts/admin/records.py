"""The records of reporters: how many of their reports were upheld, and how many dismissed."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from moderation.admin.large_lists import RelatedCount
from posts.models import Report, ReportState, UpheldReports


def with_records(reports: QuerySet[Report]) -> QuerySet[Any]:
    """Annotate reports with the numbers of `upheld` and `dismissed` reports of their reporters."""
    rows = UpheldReports.objects.filter(reporter=OuterRef("reporter")).order_by()
    total = rows.values("reporter").annotate(total=Sum("number")).values("total")
    dismissed = RelatedCount(Report, "reporter", Q(state=ReportState.DISMISSED), key="reporter")
    return reports.annotate(upheld=Coalesce(Subquery(total), 0), dismissed=dismissed)
