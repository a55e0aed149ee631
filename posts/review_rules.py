"""The review rule that knows posts: the record of their authors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.review_rules import review_rule
from posts.models import Post, Report

# One or two posts are what a spammer leaves behind that nobody reported yet.
FEWEST_GOOD_POSTS = 3


@review_rule(
    title=_("an author with posts that nobody reported and that stay"),
    # The one difference that a spammer cannot make in an afternoon: other people have read the
    # author's posts and accepted them.
    weight=3,
    phrase=lambda: gettext("The author has three or more posts that nobody reported and that stay"),
)
def author_with_good_posts(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Mark posts whose author has several posts without a report outside the selection."""
    # DISTINCT and NOT EXISTS: without them, PostgreSQL searches the selection again for each post.
    posts = Post.objects.filter(author__in=objects.values("author").distinct())
    posts = posts.exclude(Exists(Report.objects.filter(post=OuterRef("pk"))))
    posts = posts.exclude(Exists(objects.filter(pk=OuterRef("pk"))))
    by_author = posts.values("author").annotate(number=Count("pk"))
    good = by_author.filter(number__gte=FEWEST_GOOD_POSTS).values("author")
    marked = objects.filter(author__in=good).order_by()
    for key in marked.values_list("pk", flat=True).iterator():
        yield key, {}
