"""The review rule about the time of an object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from moderation.registry.content import content_of
from moderation.registry.review_rule import review_rule
from moderation.templatetags.moderation_numbers import grouped

# The share of the oldest objects, and of the latest, that is left out when the rest is measured.
OUTER_SHARE = 0.05
# A wave of a few hours can begin with a test on the day before. An object must be older than that.
SHORTEST_SPAN = timedelta(days=7)


@review_rule(
    title=_("much older than the others"),
    # A filter for words also finds an old object that quotes or discusses them. But spammers buy
    # old accounts with old objects, so this says less than the author's other posts.
    weight=1,
    phrase=lambda days: (
        ngettext(
            "%(days)s day older than nearly all the others",
            "%(days)s days older than nearly all the others",
            days,
        )
        % {"days": grouped(days)}
    ),
)
def much_older(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Mark objects that are older than nearly all the others by more than the time these span."""
    created = content_of(objects.model).created
    if not created:
        return
    known = objects.exclude(**{created: None})
    total = known.count()
    if not total:
        return
    times = known.order_by(created).values_list(created, flat=True)
    outer = int(total * OUTER_SHARE)
    begin, end = times[outer], times.reverse()[outer]
    try:
        long_before = begin - max(end - begin, SHORTEST_SPAN)
    except OverflowError:  # no time is that much older
        return
    marked = known.filter(**{f"{created}__lt": long_before}).order_by()
    for key, time in marked.values_list("pk", created).iterator():
        yield key, {"days": (begin - time).days}
