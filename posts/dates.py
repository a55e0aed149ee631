"""Date fields with plausible limits, and the years, months and days of a date hierarchy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# The range for dates of posts and reports. Other dates are mistakes, and dates at either end of the
# calendar do not exist in every time zone.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# The first and last date that MomentField returns: a day away from either end of the calendar.
FIRST_READ = datetime(1, 1, 2, tzinfo=UTC)
LAST_READ = datetime(9999, 12, 30, tzinfo=UTC)
# Years that a date hierarchy can show.
LISTED_YEARS = range(2, 9999)

# Added to the start of a year, month or day, these lead into the next one: longer than any, shorter
# than two.
TO_NEXT = {"year": timedelta(days=370), "month": timedelta(days=32), "day": timedelta(hours=30)}


def validate_moment(moment: datetime) -> None:
    """Raise ValidationError for a date before 1970, or in or after 2200."""
    if not EARLIEST <= moment < LATEST:
        raise ValidationError(
            _("The date must be between %(first)d and %(last)d."),
            code="far_date",
            params={"first": EARLIEST.year, "last": LATEST.year - 1},
        )


class MomentField(models.DateTimeField):  # type: ignore[type-arg] # not generic at run time
    """A DateTimeField that accepts only plausible dates, and can display any stored date.

    A date in the first or last hours of the calendar does not exist in some time zones, and every
    page that displays it would fail. Such a date is read as the nearest one that is a day away.
    """

    default_validators = [validate_moment]

    def from_db_value(self, value: Any, *_context: Any) -> Any:
        """Return the stored time, moved away from either end of the calendar."""
        if value is None or value.tzinfo is None:
            return value
        return min(max(value, FIRST_READ), LAST_READ)


class DatedQuerySet(QuerySet[Any, Any]):
    """A queryset whose `datetimes()` skips through the index of the field.

    Django's own selects DISTINCT over every row, which takes ten seconds for a million posts on
    SQLite, and the date hierarchy of the change list calls it on every page.
    """

    def datetimes(  # type: ignore[override]  # a list, since nothing filters it further
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: tzinfo | None = None
    ) -> list[datetime]:
        """Return the starts of the years, months or days that have rows, with one query each."""
        moments = self.order_by(field_name).values_list(field_name, flat=True)
        found: list[datetime] = []
        moment = moments.first()
        while moment is not None:
            start = _start(timezone.localtime(moment, tzinfo), kind)
            if start.year in LISTED_YEARS:
                found.append(start)
            if start > LAST_READ - TO_NEXT["year"]:
                break  # no period follows
            following = _start(start + TO_NEXT[kind], kind)
            moment = moments.filter(**{f"{field_name}__gte": following}).first()
        return found if order == "ASC" else found[::-1]


class AllMoments:
    """The dates of indexed rows, with the queryset methods that a date hierarchy calls."""

    def __init__(self, rows: DatedQuerySet, field_name: str) -> None:
        self.rows = rows
        self.moments = rows.order_by(field_name).values_list(field_name, flat=True)

    def aggregate(self, **_ends: Any) -> dict[str, datetime | None]:
        """Return the `first` and `last` moment, in two queries: in one, SQLite reads all rows."""
        return {"first": self.moments.first(), "last": self.moments.last()}

    def datetimes(self, field_name: str, kind: str) -> list[datetime]:
        """Return the starts of the years, months or days with rows, in the site's time zone."""
        return self.rows.datetimes(field_name, kind)


class Moments(list[datetime]):
    """The dates of a few loaded rows, with the queryset methods that a date hierarchy calls."""

    def aggregate(self, **_ends: Any) -> dict[str, datetime | None]:
        """Return the `first` and `last` moment, None if there are no rows."""
        return {"first": min(self, default=None), "last": max(self, default=None)}

    def datetimes(self, _field_name: str, kind: str) -> list[datetime]:
        """Return the starts of the years, months or days with rows, in the site's time zone."""
        starts = {_start(timezone.localtime(moment), kind) for moment in self}
        return sorted(start for start in starts if start.year in LISTED_YEARS)


def _start(moment: datetime, kind: str) -> datetime:
    """Return the start of the moment's year, month or day, in the moment's own time zone."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match kind:
        case "year":
            return midnight.replace(month=1, day=1)
        case "month":
            return midnight.replace(day=1)
        case "day":
            return midnight
        case _:
            raise ValueError(f"{kind!r} is not year, month or day.")
