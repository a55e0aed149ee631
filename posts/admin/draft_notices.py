"""The notice on a draft which says that reports about its posts have since been dismissed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from moderation.admin.display import count, short_time
from moderation.admin.removals.draft_notices import DraftNotice
from moderation.models import Removal
from posts.models import Post, Report, ReportState

# The moderator may have loaded the list, in which the posts were still reported, this long before
# creating the draft.
BEFORE_DRAFT = timedelta(hours=1)
MOST_NAMED = 5  # posts


def dismissed_reports(removal: Removal, selected: QuerySet[Post]) -> Iterator[DraftNotice]:
    """Yield a notice if reports about selected posts were dismissed since the list was loaded.

    The notice says by whom. Runs one query if no report has been dismissed since then, otherwise at
    most four.
    """
    since = removal.created_at - BEFORE_DRAFT
    reports = Report.objects.filter(state=ReportState.DISMISSED, decided_at__gte=since).order_by()
    if not reports.exists():
        return
    reports = reports.filter(post__in=selected.values("pk"))
    found = reports.values("decided_by").annotate(
        number=Count("post", distinct=True), last=Max("decided_at")
    )
    rows = found.order_by("-last", "decided_by").values_list("decided_by", "number", "last")
    if texts := [_text(*row) for row in rows]:
        keys = reports.order_by("post_id").values_list("post_id", flat=True).distinct()
        yield DraftNotice(
            title=_("Reports about selected posts were dismissed"),
            texts=texts,
            keys=list(keys[:MOST_NAMED]),
            others=max(keys.count() - MOST_NAMED, 0),
        )


def _text(decided_by: str, number: int, last: datetime) -> str:
    text = _("Reports about %(posts)s were dismissed by %(name)s (most recently: %(time)s).")
    posts = count(Post._meta.label, number)
    return text % {"posts": posts, "name": decided_by, "time": short_time(last)}
