"""The change list of posts on a big table."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from benchmarks import content
from benchmarks.measure import medians
from benchmarks.sizes import Size
from benchmarks.visitor import Visitor
from posts.models import Post

Figures = dict[str, float]

POSTS_A_PAGE = 100  # as PostAdmin has it
# One in so many posts was reported, one in so many has a picture, one in so many holds the word.
REPORTED, ILLUSTRATED, RARE = 50, 3, 10_000
# Posts of five years by a thousand users, made by the server itself.
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
        || CASE WHEN n %% {rare} = 0 THEN 'quagga' ELSE '' END,
      now() - n * interval '5 years' / %(posts)s
    FROM generate_series(1, %(posts)s) n
    """,
    """
    INSERT INTO posts_postimage (post_id, image, thumbnail, sha256, size, width, height, frames)
    SELECT id, 'posts/2026/11/' || md5(id::text) || '.jpg',
      'posts/2026/11/' || md5('t' || id) || '-thumb.webp', md5(id::text) || md5(id::text),
      48213, 800, 600, 1
    FROM posts_post WHERE id %% {illustrated} = 0
    """,
    """
    INSERT INTO posts_report (post_id, reporter_id, reason, created_at)
    SELECT id, author_id, 'spam', now() FROM posts_post WHERE id %% {reported} = 0
    """,
)


def changelist(_place: Path, size: Size) -> Figures:
    """The seconds of the pages that a moderator opens first."""
    _fill(size.changelist_posts)
    visitor, path = Visitor(), reverse("admin:posts_post_changelist")
    newest = Post.objects.order_by("-created_at")[0].created_at
    addresses = {
        "default_page": path,
        "reported_filter": f"{path}?reported=yes",
        "date_filter": f"{path}?created_at__year={newest.year}&created_at__month={newest.month}",
        "search": f"{path}?q=quagga",
        "last_page": f"{path}?p={-(-size.changelist_posts // POSTS_A_PAGE)}",
    }
    visitor.get(path)  # templates are compiled, and the theme is in the cache
    pages = {name: partial(_seconds, visitor, address) for name, address in addresses.items()}
    return medians(pages, rounds=size.rounds)


def _seconds(visitor: Visitor, address: str) -> float:
    seconds, _ = visitor.get(address)
    return seconds


def _fill(posts: int) -> None:
    shares = {"rare": RARE, "illustrated": ILLUSTRATED, "reported": REPORTED}
    # A million texts take minutes into the indexes of the search, which are made of all in seconds.
    call_command("migrate", "posts", "0001", verbosity=0)
    with connection.cursor() as cursor:
        for statement in CONTENT:
            given = {"posts": posts} if "%(posts)s" in statement else {}
            cursor.execute(statement.format(**shares), given)
        call_command("migrate", verbosity=0)
        cursor.execute("VACUUM ANALYZE")
    content.moderator()
