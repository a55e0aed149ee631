"""No page of the admin reads a big table whole."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.query_plans.watch import BIG_TABLES, none_is_read_whole

pytestmark = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no plans that tell how much is read"
)

PICTURE = "c4ca4238a0b923820dcc509a6f75849b" * 2  # the digest of the picture of the first post
POSTS = [
    "", "?p=250", "?p=500", "?o=1", "?o=-1", "?o=2", "?o=3", "?o=4", "?o=5",
    "?reported=yes", "?reported=no", "?pictures=yes", "?pictures=no", "?author=user_7",
    "?created_at__within=day", "?created_at__within=week",
    "?created_at__within=week&author=user_7",
    f"?picture={PICTURE}", f"?picture={PICTURE}&reported=yes", f"?like={PICTURE}",
    f"?like={PICTURE}&created_at__within=week", "?author=user_7&reported=yes",
    "?q=quagga", "?q=number", "?q=quagga+number&reported=no", "?q=user_77",
    "?created_at__year=2025", "?created_at__year=2025&created_at__month=3",
    "?created_at__year=2025&created_at__month=3&created_at__day=3", "?q=nothing",
]  # fmt: skip
BY_REPORTS = [
    "?o=-4", "?reported=1", "?reported=2-4", "?reported=5-or-more", "?reported=2-4&author=user_7",
    "?shares=reported", "?shares=reported&author=user_7",
]  # fmt: skip
COUNTING = [("?o=-2", "posts_postimage"), *((query, "posts_report") for query in BY_REPORTS)]
ENTRIES = [
    "", "?p=50", "?o=5", "?state__exact=failed", "?state__exact=pending", "?state__exact=erased",
    "?reason__exact=spam", "?reason__exact=illegal", "?from=2026-11-01&to=2026-11-02",
    "?actor=user_7", "?removal=7", "?removal=7&state__exact=failed", "?storage=default",
    "?found=again", "?q=posts/c4ca", "?q=posts/", f"?q={PICTURE}",
    "?actor=user_7&reason__exact=illegal",
]  # fmt: skip
LISTS = {"posts_post": POSTS, "moderation_auditentry": ENTRIES, "moderation_removal": ["", "?q=7"]}


def test_every_list_of_the_content_is_checked() -> None:
    lists = {
        each._meta.db_table for each in apps.get_app_config("posts").get_models()
        if site.is_registered(each)
    }  # fmt: skip
    assert lists <= set(LISTS), "add the list's URLs to LISTS"


def test_lists_go_by_indexes(big_site: Client) -> None:
    for name, queries in LISTS.items():
        path = reverse(f"admin:{name}_changelist")
        for query in queries:
            with none_is_read_whole():
                assert big_site.get(path + query).status_code == 200, query
    # To sort or filter by their number, rows are counted; not by reading the posts.
    for query, counted in COUNTING:
        with none_is_read_whole(BIG_TABLES - {counted}):
            big_site.get(reverse("admin:posts_post_changelist") + query)
