"""The receivers of this app: what happens to reports and authors when posts or users are removed.

Receivers of `objects_removed` write in the transaction of the removal.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.signals import post_save

from moderation.db.rows import all_rows
from moderation.models import Removal
from moderation.signals import objects_removed
from posts.models import Post, Report
from posts.removed_authors import forget_disabling, record_authors
from posts.reports import lock_rows, uphold


def connect() -> None:
    """Connect the receivers. Call this when all models are loaded."""
    users = get_user_model()
    for sender, receiver in (
        (Post, uphold_reports_of_posts),
        (Post, record_authors),
        (users, uphold_reports_of_users),
    ):
        objects_removed.connect(receiver, sender=sender, dispatch_uid=f"posts.{receiver.__name__}")
    post_save.connect(forget_disabling, sender=users, dispatch_uid="posts.forget_disabling")


def uphold_reports_of_posts(objects: QuerySet[Any], removal: Removal, using: str, **_: Any) -> None:
    """Uphold the reports about the posts of a batch."""
    _uphold(_keys(objects), set(), removal, using)


def uphold_reports_of_users(objects: QuerySet[Any], removal: Removal, using: str, **_: Any) -> None:
    """Uphold the reports about posts by the users of a batch.

    Reports by these users are deleted with them, and so are their records.
    """
    users = _keys(objects)
    posts = _keys(all_rows(Post, using).filter(author__any_of=users))
    _uphold(posts, users, removal, using)


def _uphold(posts: set[Any], users: set[Any], removal: Removal, using: str) -> None:
    """Lock the reports that are deleted with the posts and users; uphold those about the posts.

    The keys are sent as values: with subqueries, PostgreSQL would read all reports.
    """
    every = all_rows(Report, using)
    reports = every.filter(post__any_of=posts)
    deleted = _keys(reports) | _keys(every.filter(reporter__any_of=users))
    lock_rows(every.filter(pk__any_of=deleted))
    uphold(reports.exclude(reporter__any_of=users), removal=removal, using=using)


def _keys(rows: QuerySet[Any]) -> set[Any]:
    return set(rows.values_list("pk", flat=True))
