"""Users who report posts."""

from __future__ import annotations

from django.contrib.auth.models import User

from posts.models import Post, Report


def user(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def report_all(posts: list[Post], *names: str) -> None:
    Report.objects.bulk_create(Report(post=p, reporter=user(name)) for p in posts for name in names)


def states() -> list[str]:
    return list(Report.objects.order_by("pk").values_list("state", flat=True))
