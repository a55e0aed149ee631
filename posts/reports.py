"""Which reports count when posts are filtered by them, and the posts that they select."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from posts.models import PostImage, Report

# So many reports of a post make it likely that the other posts with its pictures are spam, too.
ENOUGH_REPORTS = 2


def counted_reports() -> QuerySet[Report]:
    """Return the reports that count. Every filter and number of the site starts from them."""
    return Report.objects.order_by()


def posts_with_reports(at_least: int, at_most: int | None = None) -> QuerySet[Any, Any]:
    """Return the keys of the posts with so many reports, for `pk__in`."""
    numbers = counted_reports().values("post").annotate(number=Count("post"))
    found = numbers.filter(number__gte=at_least)
    if at_most is not None:
        found = found.filter(number__lte=at_most)
    return found.values("post")


def posts_sharing_reported_pictures() -> QuerySet[Any, Any]:
    """Return the keys of the posts that share a picture with one that has ENOUGH_REPORTS.

    These include the reported posts themselves, if they have a picture. A key may be repeated.
    """
    reported = PostImage.objects.filter(post__in=posts_with_reports(ENOUGH_REPORTS))
    return PostImage.objects.filter(sha256__in=reported.values("sha256")).values("post")
