"""The change list of a million posts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from benchmarks import content
from benchmarks.http_client import AdminClient
from benchmarks.measure import medians
from benchmarks.sizes import Size
from posts.models import Post

Figures = dict[str, float]

POSTS_PER_PAGE = 100  # list_per_page of PostAdmin
# One in this many posts is reported, has a picture, or contains the rare word.
REPORTED, WITH_PICTURE, WITH_RARE_WORD = 50, 3, 10_000
# Posts over five years by a thousand users, created by the database server.
CONTENT = (
    """
    INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff,
      is_active, date_joined)
    SELECT 'user_' || n, '', '', '', '', false, false, true, now() FROM generate_series(1, 1000) n
    """,
    """
    INSERT INTO posts_post (author_id, title, body, created_at)
    SELECT (SELECT min(id) FROM auth_user) + n %% 1000, 'Post number ' || n,
      repeat('words of a post ' || md5(n::text) || ' ', 5)
        || CASE WHEN n %% {with_rare_word} = 0 THEN 'quagga' ELSE '' END,
      now() - n * interval '5 years' / %(posts)s
    FROM generate_series(1, %(posts)s) n
    """,
    """
    INSERT INTO posts_postimage (post_id, image, thumbnail, sha256, size, width, height, frames)
    SELECT id, 'posts/2026/11/' || md5(id::text) || '.jpg',
      'posts/2026/11/' || md5('t' || id) || '-thumb.webp', md5(id::text) || md5(id::text),
      48213, 800, 600, 1
    FROM posts_post WHERE id %% {with_picture} = 0
    """,
    """
    INSERT INTO posts_report (post_id, reporter_id, reason, created_at)
    SELECT id, author_id, 'spam', now() FROM posts_post WHERE id %% {reported} = 0
    """,
)


def changelist(_folder: Path, size: Size) -> Figures:
    """Measure the seconds of the pages that a moderator opens first."""
    _fill(size.changelist_posts)
    client, path = AdminClient(), reverse("admin:posts_post_changelist")
    newest = Post.objects.order_by("-created_at")[0].created_at
    urls = {
        "default_page": path,
        "reported_filter": f"{path}?reported=yes",
        "date_filter": f"{path}?created_at__year={newest.year}&created_at__month={newest.month}",
        "search": f"{path}?q=quagga",
        "last_page": f"{path}?p={-(-size.changelist_posts // POSTS_PER_PAGE)}",
    }
    client.get(path)  # compiles the templates and caches the theme
    pages = {name: partial(_seconds, client, url) for name, url in urls.items()}
    return medians(pages, rounds=size.rounds)


def _seconds(client: AdminClient, url: str) -> float:
    seconds, _ = client.get(url)
    return seconds


def _fill(posts: int) -> None:
    intervals = {
        "reported": REPORTED,
        "with_picture": WITH_PICTURE,
        "with_rare_word": WITH_RARE_WORD,
    }
    # Inserting a million texts into the search indexes takes minutes; building them afterwards,
    # seconds.
    call_command("migrate", "posts", "0001", verbosity=0)
    with connection.cursor() as cursor:
        for statement in CONTENT:
            params = {"posts": posts} if "%(posts)s" in statement else {}
            cursor.execute(statement.format(**intervals), params)
        call_command("migrate", verbosity=0)
        cursor.execute("VACUUM ANALYZE")
    content.moderator()
