"""Later migrations can change the tables of the audit log, which triggers protect."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

import moderation.migrations
from moderation.models import AuditEntry, triggers
from posts.models import Post

pytestmark = pytest.mark.django_db(transaction=True)

PACKAGE = "later_moderation_migrations"
FOLDER = Path(moderation.migrations.__path__[0])
LATEST = max(FOLDER.glob("0*.py")).stem
NEXT = f"""
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "{LATEST}")]
    operations = [
        migrations.AddField("auditentry", "host", models.TextField(default="")),
        migrations.AlterField("auditentry", "reason", models.CharField(max_length=40)),
        migrations.AlterField("auditevent", "actor_name", models.CharField(max_length=200)),
    ]
"""


@pytest.fixture
def later_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / PACKAGE
    shutil.copytree(FOLDER, folder)
    (folder / "9999_next.py").write_text(NEXT)
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    with override_settings(MIGRATION_MODULES={"moderation": PACKAGE}):
        yield


def migrate(*target: str) -> None:
    """Migrate as `manage.py` does, which runs the system checks first."""
    call_command("migrate", *target, verbosity=0, skip_checks=False)


@pytest.mark.usefixtures("later_migrations")
def test_columns_that_triggers_use_can_be_changed_forwards_and_back(
    make_posts: Callable[..., list[Post]],
) -> None:
    make_posts(1)[0].delete()
    entries = list(AuditEntry.objects.order_by("pk").values())
    try:
        migrate()
        assert triggers.missing(connection) == []
    finally:
        migrate("moderation", LATEST)
    assert triggers.missing(connection) == []
    assert list(AuditEntry.objects.order_by("pk").values()) == entries


def test_a_database_without_the_newest_column_gets_no_triggers_that_use_it() -> None:
    assert triggers.are_applicable(connection)
    triggers.drop(connection)
    field = AuditEntry._meta.get_field("row_names")
    with connection.schema_editor() as editor:
        editor.remove_field(AuditEntry, field)
    try:
        migrate()
        assert not triggers.are_applicable(connection)
    finally:
        with connection.schema_editor() as editor:
            editor.add_field(AuditEntry, field)
        migrate()
    assert triggers.missing(connection) == []


def test_the_index_on_time_is_small_on_postgresql() -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, AuditEntry._meta.db_table)
    expected = "brin" if connection.vendor == "postgresql" else "idx"
    assert found["entry_recorded"]["type"] == expected
