"""Which reports a page showed: only these are dismissed from it, and none that arrive later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import Q

from moderation.db.server_time import DatabaseNow
from posts.models import Report

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What `str()` returns: a key, and the microseconds since EPOCH. Longer numbers would exceed the
# range of the database's integers and of Python's dates.
TEXT = re.compile(r"([0-9]{1,18})-([0-9]{1,17})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SeenReports:
    """The reports up to a key, except for those that were reopened after a time.

    The text of an instance is a field of a form. It is not signed, because a user who changes it
    only dismisses other reports that they may dismiss anyway.
    """

    newest: int
    reopened_until: datetime = EPOCH

    @classmethod
    def now(cls) -> Self:
        """Return the reports that exist now. Call this before reading them for a page."""
        reports = Report.objects.order_by("-pk").annotate(now=DatabaseNow())
        return cls(*(reports.values_list("pk", "now").first() or (0,)))

    @classmethod
    def among(cls, reports: Iterable[Report]) -> Self:
        """Return the reports that the page of a post shows.

        Reports about one post are filed and reopened one after another, because `file_report` locks
        the post. So all that arrive later are newer than these, even those being filed right now.
        """
        rows = list(reports)
        times = [report.reopened_at for report in rows if report.reopened_at]
        return cls(max((report.pk for report in rows), default=0), max(times, default=EPOCH))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reports that a form names. Raises ValueError if the text is malformed."""
        if not (found := TEXT.fullmatch(text)):
            raise ValueError(text)
        newest, microseconds = map(int, found.groups())
        return cls(newest, EPOCH + microseconds * MICROSECOND)

    def __str__(self) -> str:
        return f"{self.newest}-{(self.reopened_until - EPOCH) // MICROSECOND}"

    @property
    def arrived_since(self) -> Q:
        """Return the condition that a report has been filed or reopened since then."""
        return Q(pk__gt=self.newest) | Q(reopened_at__gt=self.reopened_until)
