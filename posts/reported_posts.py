"""Open reports, and the posts that are found by them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from posts.models import PostImage, Report, ReportState

# If a post has this many open reports, other posts with its pictures are likely to be spam, too.
ENOUGH_REPORTS = 2
# The most keys that are read to be passed to the next query.
MOST_KEYS = 20_000


def open_reports() -> QuerySet[Report]:
    """Return the open reports. Every filter and count on the site starts from them."""
    return Report.objects.filter(state=ReportState.OPEN).order_by()


def posts_with_reports(at_least: int, at_most: int | None = None) -> QuerySet[Any, Any]:
    """Return the keys of posts whose number of open reports is in this range, for `pk__in`."""
    numbers = open_reports().values("post").annotate(number=Count("post"))
    found = numbers.filter(number__gte=at_least)
    if at_most is not None:
        found = found.filter(number__lte=at_most)
    return found.values_list("post", flat=True)


def posts_sharing_reported_pictures() -> QuerySet[Any, Any]:
    """Return the keys of the posts that share a picture with a post that has ENOUGH_REPORTS.

    These include the reported posts themselves, if they have a picture. A key may be repeated. Runs
    two queries when it is called; the returned queryset uses their results.
    """
    reported = PostImage.objects.filter(_is_among("post", posts_with_reports(ENOUGH_REPORTS)))
    pictures = reported.order_by().values_list("sha256", flat=True).distinct()
    sharing = PostImage.objects.filter(_is_among("sha256", pictures))
    return sharing.order_by().values_list("post", flat=True)


def _is_among(column: str, keys: QuerySet[Any, Any]) -> Q:
    """Return the condition that a column has one of the keys, which are read now if there are few.

    PostgreSQL cannot estimate how many keys a subquery returns if it filters by a count. It would
    read the whole table of pictures instead of looking up a few.
    """
    few = set(keys[: MOST_KEYS + 1])
    is_few = len(few) <= MOST_KEYS
    return Q(**{f"{column}__any_of": few}) if is_few else Q(**{f"{column}__in": keys})
