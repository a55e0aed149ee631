"""A wave of spam that repeats its pictures, and posts that differ from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from posts.models import Post, PostImage, Report

FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)
PICTURES = 4  # different ones in a wave


def make_post(
    *sha256s: str, author: str = "spammer", hours: float = 0, reports: int = 1, title: str = "Good"
) -> Post:
    """Create a post with pictures, whose files do not exist."""
    user, _ = User.objects.get_or_create(username=author)
    created_at = FIRST_DAY + timedelta(hours=hours)
    post = Post.objects.create(author=user, title=title, body="Text", created_at=created_at)
    for number, sha256 in enumerate(sha256s):
        name = f"{post.pk}-{number}"
        PostImage.objects.create(
            post=post, sha256=sha256, image=f"{name}.jpg", thumbnail=f"{name}.webp",
            size=10, width=1, height=1,
        )  # fmt: skip
    for number in range(reports):
        reporter, _ = User.objects.get_or_create(username=f"reporter{number}")
        Report.objects.create(post=post, reporter=reporter)
    return post


def make_wave(number: int = 40) -> list[Post]:
    """Create posts of one day, each with one of a few pictures, which no rule marks."""
    return [
        make_post(f"{n % PICTURES:064x}", author=f"spammer{n}", hours=n / number, title=f"Spam {n}")
        for n in range(number)
    ]
