"""The receivers of this app: what happens to reports and authors when posts or users are removed.

Those of `objects_removed` write in the transaction of the removal.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.signals import post_save

from moderation.db.rows import all_rows
from moderation.signals import objects_removed
from posts.models import Post, Report
from posts.removed_authors import forget_disabling, record_authors
from posts.reports import lock_rows, uphold


def connect() -> None:
    """Connect the receivers. Call this when all models are loaded."""
    users = get_user_model()
    for sender, receiver in (
        (Post, uphold_of_posts),
        (Post, record_authors),
        (users, uphold_of_users),
    ):
        objects_removed.connect(receiver, sender=sender, dispatch_uid=f"posts.{receiver.__name__}")
    post_save.connect(forget_disabling, sender=users, dispatch_uid="posts.forget_disabling")


def uphold_of_posts(objects: QuerySet[Any], using: str, **_: Any) -> None:
    """Uphold the reports about the posts of a batch."""
    reports = all_rows(Report, using).filter(post__in=objects.values("pk"))
    lock_rows(reports)
    uphold(reports, using=using)


def uphold_of_users(objects: QuerySet[Any], using: str, **_: Any) -> None:
    """Uphold the reports about the posts of the users of a batch.

    Reports by these users are deleted with them, and so are their records.
    """
    users, every = objects.values("pk"), all_rows(Report, using)
    reports = every.filter(post__author__in=users)
    deleted = reports.values("pk").union(every.filter(reporter__in=users).values("pk"))
    lock_rows(every.filter(pk__in=deleted))
    uphold(reports.exclude(reporter__in=users), using=using)
