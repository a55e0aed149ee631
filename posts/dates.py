"""The years, months and days on which there are posts: what a date hierarchy asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# The range for dates of posts and reports. Anything else is a mistake, and times at either end of
# the calendar do not exist in every time zone.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# Times read from the database are at least a day away from either end of the calendar.
FIRST_READ = datetime(1, 1, 2, tzinfo=UTC)
LAST_READ = datetime(9999, 12, 30, tzinfo=UTC)
# Years that a date hierarchy can show.
LISTED_YEARS = range(2, 9999)

# Longer than any year, month or day, and shorter than two: from a start into the next period.
BEYOND = {"year": timedelta(days=370), "month": timedelta(days=32), "day": timedelta(hours=30)}


def validate_moment(moment: datetime) -> None:
    """Raise ValidationError for a time before 1970, or from 2200 on."""
    if not EARLIEST <= moment < LATEST:
        raise ValidationError(
            _("The date must be between %(first)d and %(last)d."),
            code="far_date",
            params={"first": EARLIEST.year, "last": LATEST.year - 1},
        )


class MomentField(models.DateTimeField):  # type: ignore[type-arg] # not in Django itself
    """A DateTimeField that accepts only plausible dates, and can display any stored date.

    A date in the first or last hours of the calendar does not exist in some time zones, and every
    page with it would fail. Such a date is read as a date one day further in.
    """

    default_validators = [validate_moment]

    def from_db_value(self, value: Any, *_context: Any) -> Any:
        """Return the stored time, moved away from either end of the calendar."""
        if value is None or value.tzinfo is None:
            return value
        return min(max(value, FIRST_READ), LAST_READ)


class DatedQuerySet(QuerySet[Any, Any]):
    """A queryset whose `datetimes()` skips through the index of the field.

    Django's own asks for DISTINCT over every row, which takes ten seconds for a million posts on
    SQLite, and the date hierarchy of the change list asks on every page.
    """

    def datetimes(  # type: ignore[override]  # a list: nobody filters it any further
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: tzinfo | None = None
    ) -> list[datetime]:
        """Return the starts of the years, months or days that have rows; one query for each."""
        moments = self.order_by(field_name).values_list(field_name, flat=True)
        found: list[datetime] = []
        moment = moments.first()
        while moment is not None:
            start = _start(timezone.localtime(moment, tzinfo), kind)
            if start.year in LISTED_YEARS:
                found.append(start)
            if start > LAST_READ - BEYOND["year"]:
                break  # no period follows
            following = _start(start + BEYOND[kind], kind)
            moment = moments.filter(**{f"{field_name}__gte": following}).first()
        return found if order == "ASC" else found[::-1]


class AllMoments:
    """The moments of rows that an index of theirs leads along, asked as a queryset is."""

    def __init__(self, rows: DatedQuerySet, field_name: str) -> None:
        self.rows = rows
        self.moments = rows.order_by(field_name).values_list(field_name, flat=True)

    def aggregate(self, **_ends: Any) -> dict[str, datetime | None]:
        """Return the `first` and the `last` moment: one by one, or SQLite reads all in between."""
        return {"first": self.moments.first(), "last": self.moments.last()}

    def datetimes(self, field_name: str, kind: str) -> list[datetime]:
        """Give the starts of the years, months or days that have rows, in the site's time zone."""
        return self.rows.datetimes(field_name, kind)


class Moments(list[datetime]):
    """The moments of a few rows that were found already, to be asked as a queryset of theirs is."""

    def aggregate(self, **_ends: Any) -> dict[str, datetime | None]:
        """Return the `first` and the `last` moment, None where there are none."""
        return {"first": min(self, default=None), "last": max(self, default=None)}

    def datetimes(self, _field_name: str, kind: str) -> list[datetime]:
        """Give the starts of the years, months or days that have rows, in the site's time zone."""
        starts = {_start(timezone.localtime(moment), kind) for moment in self}
        return sorted(start for start in starts if start.year in LISTED_YEARS)


def _start(moment: datetime, kind: str) -> datetime:
    """Return the start of the year, month or day that a moment is in, in the moment's time zone."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match kind:
        case "year":
            return midnight.replace(month=1, day=1)
        case "month":
            return midnight.replace(day=1)
        case "day":
            return midnight
        case _:
            raise ValueError(f"{kind!r} is none of year, month and day.")
