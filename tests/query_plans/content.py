"""Enough rows, made by PostgreSQL itself, that reading all of them is the worst plan."""

from __future__ import annotations

from typing import Any

from django.db import connection

from benchmarks.generated import insert_select
from moderation.models import AuditEntry
from tests.query_plans.watch import CONTENT_TABLES
from tests.services.processes import wait_until

POSTS, ENTRIES = 50_000, 50_000
ROWS = """
INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff,
  is_active, date_joined)
SELECT 'user_' || n, '', '', '', '', false, true, true, now() FROM generate_series(1, 200) n;

INSERT INTO posts_post (author_id, title, body, created_at)
SELECT (SELECT min(id) FROM auth_user) + n % 200, 'Post number ' || n,
  CASE WHEN n % 1000 = 0 THEN 'quagga' ELSE repeat(md5(n::text) || ' ', 20) END,
  now() - n * interval '50 minutes'
FROM generate_series(1, {posts}) n;

INSERT INTO posts_postimage (post_id, image, thumbnail, sha256, size, width, height,
  frames, perceptual_hash)
SELECT id, md5(id::text) || '.jpg', md5('t' || id) || '.webp', md5(id::text) || md5(id::text),
  1, 800, 600, 1, md5(id::text) || md5(id::text)
FROM posts_post WHERE id % 3 > 0;

INSERT INTO posts_report (post_id, reporter_id, reason, created_at)
SELECT id, author_id, 'spam', now() FROM posts_post WHERE id % 4 = 0;

INSERT INTO posts_report (post_id, reporter_id, reason, created_at)
SELECT id, author_id + 1, 'spam', now() FROM posts_post WHERE id % 400 = 0;

UPDATE posts_report SET state = 'dismissed', decided_by = 'mod',
  decided_at = now() - id % {posts} * interval '1 hour',
  dismissal = md5((id % 50)::text)::uuid
WHERE id % 2 = 0;

INSERT INTO posts_upheldreports (reporter_id, number, removal_number, upheld_at)
SELECT author_id, 1, id % 200, now() FROM posts_post WHERE id % 4 = 0;

INSERT INTO moderation_removal (model_label, state, actor_id, actor_name, reason, note, seal,
  permissions, objects_total, files_total, pictures_total, bytes_total, rows_by_model,
  updates_by_model, blockers, stop_reason, created_at, confirmed_at, finished_at,
  without_picture_total, history, actor_is_staff, admin_site, admin_label, list_query,
  kept_total, dropped_rules)
SELECT 'posts.Post', 'done', u.id, u.username, 'spam', '', '', '[]', 1, 1, 1, 1, '{{}}', '{{}}',
  '{{}}', '', now(), now(), now(), 0, '[]', true, '', '', '', 0, '[]'
FROM auth_user u;

INSERT INTO moderation_auditevent (type, actor_id, actor_name, removal_id, details, recorded_at)
SELECT 'confirm', actor_id, actor_name, id, '{{"reason": "spam"}}', now() FROM moderation_removal;

INSERT INTO moderation_removalbatch (removal_id, number, state, frozen, digest, objects_total,
  files_total, pictures_total, bytes_total, rows_by_model, updates_by_model, blockers,
  deleted_total, changed, already_deleted, error, attempts, finished_at, without_picture_total,
  kept, kept_total, last_kept_total, fingerprints, addition,
  last_added, last_added_total)
SELECT r.id, n, 'deleted', '[]', '', 1, 1, 1, 1, '{{}}', '{{}}', '{{}}', 1, '[]', '[]', '', 0,
  now(), 0, '[]', 0, 0, '{{}}', 0, '[]', 0
FROM moderation_removal r, generate_series(1, 50) n;

INSERT INTO posts_removedauthor (removal_number, author_id, posts)
SELECT r.id, r.actor_id + n % 7, 3 FROM moderation_removal r, generate_series(1, 100) n;

INSERT INTO posts_disabledauthor (removal_number, author_id)
SELECT r.id, r.actor_id + n FROM moderation_removal r, generate_series(1, 100) n;

INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff,
  is_active, date_joined)
SELECT 'member_' || md5(n::text), '', '', '', '', false, false, true, now()
FROM generate_series(1, {posts}) n;
"""
ENTRY = {
    "storage": "'default'",
    "key": "'posts/' || md5(n::text)",
    "name": "'posts/' || md5(n::text)",
    "size": "1",
    "sha256": "CASE WHEN n % 2 = 0 THEN md5(n::text) || md5(n::text) END",
    "object_label": "'posts.PostImage'",
    "object_key": "n::text",
    "field": "'image'",
    "parent_label": "'posts.Post'",
    "parent_key": "n::text",
    "title": "'Post'",
    "owner": "'user'",
    "removal_id": "r.id",
    "actor_id": "r.actor_id",
    "actor_name": "r.actor_name",
    "reason": "r.reason",
    "state": "CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'erased' END",
    "attempts": "1",
    "due_at": "now()",
    "recorded_at": f"now() - ({ENTRIES} - n) * interval '1 minute'",
    "erased_at": "now()",
    "verified_at": "now()",
    "failed_at": "CASE WHEN n % 1000 = 0 THEN now() END",
}
ENTRIES_OF_REMOVALS = f"""
generate_series(1, {ENTRIES}) n
JOIN moderation_removal r ON r.id = (SELECT min(id) FROM moderation_removal) + n % 200
"""

# Beside a snapshot of somebody else's (autovacuum looks around too) VACUUM cannot see all rows as
# visible to everybody, and then an index alone is not enough.
UNSEEN = """
SELECT count(*) FROM pg_class WHERE relname = ANY(%s) AND relallvisible < relpages * 0.9
"""
BIG = sorted({*CONTENT_TABLES, "moderation_auditentry"})
# Autovacuum's own look at these tables would be such a snapshot; at others it may still be.
BY_HAND = "ALTER TABLE {table} SET (autovacuum_enabled = off)"
LONGEST_WAIT = 180


def fill() -> None:
    """Make the rows, and let PostgreSQL look at them. Outside a transaction, since VACUUM is."""
    with connection.cursor() as cursor:
        for table in [*BIG, "moderation_removalbatch"]:
            cursor.execute(BY_HAND.format(table=table))
        cursor.execute(ROWS.format(posts=POSTS))
        cursor.execute(insert_select(AuditEntry, ENTRY, ENTRIES_OF_REMOVALS))
        small = [table for table in BIG if not has_many_rows(cursor, table)]
    assert not small, f"make rows for {small} in ROWS"
    wait_until(all_is_seen, seconds=LONGEST_WAIT, what="a VACUUM that sees all rows")


def has_many_rows(cursor: Any, table: str) -> bool:
    """Return whether a table has so many rows that reading all of them is noticed."""
    cursor.execute(f"SELECT count(*) >= 10000 FROM {table}")
    return bool(cursor.fetchone()[0])


def all_is_seen() -> bool:
    """Have PostgreSQL look, and say whether it could see the rows of all big tables."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(UNSEEN, [BIG])
        return bool(cursor.fetchone() == (0,))
