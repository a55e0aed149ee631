"""No page of the admin reads a big table whole."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import Removal
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
AFTER_REMOVALS = ["?same_as_removal={number}", "?same_as_removal={number}&reported=yes"]
WITHOUT_DRAFTS = ["?others_draft=no", "?others_draft=no&reported=yes", "?others_draft=no&o=1",
                  "?others_draft=no&author=user_7"]  # fmt: skip
NOTICES = {"draft": "in user_7’s draft", "deleting": "being removed by user_7"}
PATIENCE = 10  # seconds, on a busy machine; a nested loop takes minutes
# A draft of nearly all posts, as another moderator has it.
DRAFT = """
INSERT INTO moderation_removalbatch (removal_id, number, state, frozen, digest, objects_total,
  files_total, pictures_total, bytes_total, rows_by_model, updates_by_model, blockers,
  deleted_total, changed, already_deleted, error, attempts, without_picture_total, kept,
  kept_total, last_kept_total, fingerprints, addition, last_added, last_added_total)
SELECT %s, id / 500, 'waiting', jsonb_agg(jsonb_build_array(id, md5(id::text)) ORDER BY id), '',
  500, 1, 1, 1, '{}', '{}', '{}', 0, '[]', '[]', '', 0, 0, '[]', 0, 0, '{}', 0, '[]', 0
FROM posts_post WHERE id %% 1000 > 0 GROUP BY id / 500
"""
LISTS = {"posts_post": POSTS, "moderation_auditentry": ENTRIES, "moderation_removal": ["", "?q=7"]}


def test_every_list_of_the_content_is_checked() -> None:
    lists = {
        each._meta.db_table for each in apps.get_app_config("posts").get_models()
        if site.is_registered(each)
    }  # fmt: skip
    assert lists <= set(LISTS), "add the list's URLs to LISTS"


def test_lists_use_indexes(big_site: Client) -> None:
    for name, queries in LISTS.items():
        path = reverse(f"admin:{name}_changelist")
        for query in queries:
            with none_is_read_whole():
                assert big_site.get(path + query).status_code == 200, query
    # To sort or filter by their number, rows are counted; not by reading the posts.
    for query, counted in COUNTING:
        with none_is_read_whole(BIG_TABLES - {counted}):
            big_site.get(reverse("admin:posts_post_changelist") + query)


def test_pages_after_a_removal_use_indexes(big_site: Client) -> None:
    number = Removal.objects.latest("pk").pk
    a_year_ago = timezone.now() - timedelta(days=365)  # a fifth of the posts are newer
    Removal.objects.filter(pk=number).update(confirmed_at=a_year_ago)
    change_list = reverse("admin:posts_post_changelist")
    pages = [reverse("admin:moderation_removal_change", args=[number]),
             reverse("admin:posts_post_removed_authors", args=[number]),
             *(change_list + query.format(number=number) for query in AFTER_REMOVALS)]  # fmt: skip
    for page in pages:
        with none_is_read_whole():
            assert big_site.get(page).status_code == 200, page


def test_a_large_removal_of_another_moderator_is_read_once(big_site: Client) -> None:
    """Not once for each post, as a nested loop would."""
    actor = User.objects.get(username="user_7")
    draft = Removal.objects.create(
        model_label="posts.Post", actor=actor, actor_name="user_7", actor_is_staff=True
    )
    with connection.cursor() as cursor:
        cursor.execute(DRAFT, [draft.pk])
        cursor.execute("ANALYZE moderation_removalbatch")
    path = reverse("admin:posts_post_changelist")
    for state, notice in NOTICES.items():
        Removal.objects.filter(pk=draft.pk).update(state=state)
        assert notice in big_site.get(path).text
        for query in ("", *WITHOUT_DRAFTS):
            started = monotonic()
            with none_is_read_whole():
                assert big_site.get(path + query).status_code == 200, query
            assert monotonic() - started < PATIENCE, query
