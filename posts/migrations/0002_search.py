"""The indexes of the search: what `icontains` asks PostgreSQL, by groups of three letters."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# The extension comes with PostgreSQL, and who owns the database may create it.
CREATE = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX post_title_trigrams ON posts_post USING gin (upper(title) gin_trgm_ops);
CREATE INDEX post_body_trigrams ON posts_post USING gin (upper(body) gin_trgm_ops);
"""
# The extension stays: something else may use it.
DROP = """
DROP INDEX post_title_trigrams;
DROP INDEX post_body_trigrams;
"""


def create(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the indexes. SQLite has none for a text within a text, and reads every post."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE, params=None)


def drop(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the indexes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP, params=None)


class Migration(migrations.Migration):
    dependencies = [("posts", "0001_initial")]

    operations = [migrations.RunPython(create, drop, elidable=False)]
