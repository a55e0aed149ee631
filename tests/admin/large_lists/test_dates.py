"""The years, months and days that a date hierarchy offers are those of the rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from moderation.admin.large_lists.dates import IndexedDates, LoadedDates
from tests.testapp.models import Exhibit, Visit

pytestmark = pytest.mark.django_db

MOMENTS = [
    datetime(2023, 12, 31, 23, 30, tzinfo=UTC),  # the new year has begun in Berlin
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 3, 30, 23, 30, tzinfo=UTC),  # the night in which Berlin's clocks change
    datetime(2024, 3, 31, 23, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),  # and change back
    datetime(2024, 10, 27, 23, 30, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
]
UNITS = ["year", "month", "day"]
parametrize_dates = pytest.mark.parametrize("dates", [IndexedDates, LoadedDates])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@parametrize_dates
def test_times_have_the_dates_that_django_finds(dates: Any, unit: str, zone: str) -> None:
    for number, moment in enumerate(MOMENTS):
        User.objects.create(username=str(number), date_joined=moment)
    with timezone.override(ZoneInfo(zone)):
        expected = User.objects.datetimes("date_joined", unit)  # type: ignore[arg-type]
        found = dates(User.objects.all(), "date_joined")
        assert found.datetimes("date_joined", unit) == list(expected)
    assert found.aggregate() == {"first": MOMENTS[0], "last": MOMENTS[-1]}


@pytest.mark.parametrize("unit", UNITS)
@parametrize_dates
def test_days_have_the_dates_that_django_finds_and_rows_without_one_are_left_out(
    dates: Any, unit: str
) -> None:
    exhibit = Exhibit.objects.create()
    days = [date(2023, 12, 31), None, date(2024, 2, 29), date(2024, 3, 1), None]
    Visit.objects.bulk_create(Visit(exhibit=exhibit, day=day) for day in days)
    expected = Visit.objects.dates("day", unit)  # type: ignore[arg-type]
    found = dates(Visit.objects.all(), "day")
    assert found.dates("day", unit) == list(expected)
    assert found.aggregate() == {"first": days[0], "last": days[3]}


@parametrize_dates
def test_there_are_none_without_rows(dates: Any) -> None:
    found = dates(User.objects.none(), "date_joined")
    assert found.datetimes("date_joined", "year") == []
    assert found.aggregate() == {"first": None, "last": None}
