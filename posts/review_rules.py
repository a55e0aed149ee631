"""The review rule for posts, which looks at the other posts of their authors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.review_rules import review_rule
from posts.models import Post, Report, ReportState

# A spammer, too, may have one or two posts that nobody has reported yet.
FEWEST_GOOD_POSTS = 3
AUTHORS_AT_ONCE = 500


@review_rule(
    title=_("an author with posts that are not selected and have no open reports"),
    # The one difference that a spammer cannot make in an afternoon: other people have read the
    # author's posts and accepted them.
    weight=3,
    phrase=lambda: gettext(
        "The author has three or more posts that are not selected and have no open reports"
    ),
)
def author_with_good_posts(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Mark posts whose author has several posts without open reports outside the selection.

    Reads the posts of a few authors at a time, by the index on the author: for all authors of a
    large selection at once, PostgreSQL would read every post of the site.
    """
    authors = objects.order_by().values_list("author", flat=True).distinct().iterator()
    while page := list(islice(authors, AUTHORS_AT_ONCE)):
        marked = Post.objects.filter(author__in=_with_good_posts(page, objects))
        marked = marked.filter(Exists(objects.filter(pk=OuterRef("pk")))).order_by()
        for key in marked.values_list("pk", flat=True).iterator():
            yield key, {}


def _with_good_posts(authors: list[int], objects: QuerySet[Any]) -> list[int]:
    """Return the authors who have several posts without open reports outside the selection."""
    posts = Post.objects.filter(author__in=authors)
    open_reports = Report.objects.filter(state=ReportState.OPEN)
    posts = posts.exclude(Exists(open_reports.filter(post=OuterRef("pk"))))
    posts = posts.exclude(Exists(objects.filter(pk=OuterRef("pk"))))
    numbers = posts.order_by().values("author").annotate(number=Count("pk"))
    good = numbers.filter(number__gte=FEWEST_GOOD_POSTS)
    return list(good.values_list("author", flat=True))
