"""Room in the audit log's pages on PostgreSQL, so that claiming an entry touches no index."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Per cent of a page that new entries fill. Each is written three times within minutes: when it is
# recorded, claimed and erased. If the page has room for the second version, the indexes stay as
# they are. The third version then takes the room of the first, so that the table is a fifth smaller
# in the end.
LEAVE_ROOM = "ALTER TABLE moderation_auditentry SET (fillfactor = 45)"
LEAVE_NONE = "ALTER TABLE moderation_auditentry RESET (fillfactor)"


def leave_room(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Leave room. SQLite has no such thing, and needs none: it updates in place."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LEAVE_ROOM)


def leave_none(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill pages as PostgreSQL does by itself."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LEAVE_NONE)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_initial")]

    operations = [migrations.RunPython(leave_room, leave_none, elidable=False)]
