"""Trigram indexes for the search with `icontains` on PostgreSQL."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# The extension comes with PostgreSQL, and the owner of the database may create it. The user table's
# own indexes serve neither the search for authors (`icontains`) nor the filter by author (`iexact`):
# both compare in upper case. Trigrams find a whole name as well, so one index is enough.
CREATE = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX post_title_trigrams ON posts_post USING gin (upper(title) gin_trgm_ops);
CREATE INDEX post_body_trigrams ON posts_post USING gin (upper(body) gin_trgm_ops);
CREATE INDEX author_name_trigrams ON {users} USING gin (upper({name}) gin_trgm_ops);
"""
# The extension stays, since something else may use it.
DROP = """
DROP INDEX post_title_trigrams;
DROP INDEX post_body_trigrams;
DROP INDEX author_name_trigrams;
"""


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the indexes. SQLite has none for a search within a text, and reads every post."""
    if schema_editor.connection.vendor == "postgresql":
        users = apps.get_model(settings.AUTH_USER_MODEL)._meta
        quoted = schema_editor.quote_name
        name = quoted(users.get_field("username").column)
        schema_editor.execute(CREATE.format(users=quoted(users.db_table), name=name), params=None)


def drop(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the indexes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("posts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(create, drop, elidable=False)]
