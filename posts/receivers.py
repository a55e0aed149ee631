"""Count reports as upheld when a removal deletes the posts, or their authors."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from moderation.db.rows import all_rows
from moderation.signals import objects_removed
from posts.models import Post, Report
from posts.reports import lock_rows, uphold


def connect() -> None:
    """Connect the receivers. Call this when all models are loaded."""
    for sender, receiver in ((Post, uphold_of_posts), (get_user_model(), uphold_of_users)):
        objects_removed.connect(receiver, sender=sender, dispatch_uid=f"posts.{receiver.__name__}")


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
