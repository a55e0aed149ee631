"""A date field with plausible limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

# The range for dates of posts and reports. Other dates are mistakes, and dates at either end of the
# calendar do not exist in every time zone.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# The first and last date that the field returns: a day away from either end of the calendar.
FIRST_READ = datetime(1, 1, 2, tzinfo=UTC)
LAST_READ = datetime(9999, 12, 30, tzinfo=UTC)


def validate_plausible(moment: datetime) -> None:
    """Raise ValidationError for a date before 1970, or in or after 2200."""
    if not EARLIEST <= moment < LATEST:
        raise ValidationError(
            _("The date must be between %(first)d and %(last)d."),
            code="far_date",
            params={"first": EARLIEST.year, "last": LATEST.year - 1},
        )


class PlausibleDateTimeField(models.DateTimeField):  # type: ignore[type-arg] # not generic at run time
    """A DateTimeField that accepts only plausible dates, and can display any stored date.

    A date in the first or last hours of the calendar does not exist in some time zones, and every
    page that displays it would fail. Such a date is read as the nearest one that is a day away.
    """

    default_validators = [validate_plausible]

    def from_db_value(self, value: Any, *_context: Any) -> Any:
        """Return the stored time, moved away from either end of the calendar."""
        if value is None or value.tzinfo is None:
            return value
        return min(max(value, FIRST_READ), LAST_READ)
