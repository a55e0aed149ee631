"""The database itself guards the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from moderation.checks.registered_models import check_triggers
from moderation.models import AuditEntry, AuditEvent, triggers
from posts.models import Post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entry(make_posts: Callable[..., list[Post]]) -> AuditEntry:
    make_posts(1, images=1)[0].delete()
    found = AuditEntry.objects.first()
    assert found
    return found


def refuses(statement: Callable[[], Any]) -> bool:
    try:
        with transaction.atomic():
            statement()
    except DatabaseError:
        return True
    return False


def test_no_entry_can_be_deleted(entry: AuditEntry) -> None:
    assert refuses(entry.delete)
    assert refuses(AuditEntry.objects.all().delete)
    assert refuses(lambda: AuditEntry.objects.all()._raw_delete("default"))
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


NUMBERS = ("id", "size", "removal", "actor", "attempts")
TIMES = [field.name for field in AuditEntry._meta.fields if field.name.endswith(("_at", "until"))]


def other_value(name: str) -> Any:
    """Return a value that the field of the entry under test does not have."""
    if name in TIMES:
        return timezone.now() + timedelta(days=1)
    if name == "identity":
        return uuid4()
    if name == "state":
        return "failed"
    return 7_000 if name in NUMBERS else "x"


def test_each_field_of_an_entry_is_declared_once() -> None:
    groups = (
        triggers.IDENTIFYING, triggers.IDENTIFYING_ONCE_KNOWN,
        triggers.PROGRESS, triggers.VERIFICATION,
    )  # fmt: skip
    declared = Counter(chain(*groups))
    assert declared == Counter(field.name for field in AuditEntry._meta.get_fields())


def test_columns_of_unique_indexes_are_identifying() -> None:
    for columns in triggers.unique_columns(AuditEntry):
        assert set(columns) <= set(triggers.IDENTIFYING)


@pytest.mark.parametrize("field", triggers.IDENTIFYING)
def test_what_identifies_an_entry_cannot_be_changed(entry: AuditEntry, field: str) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    assert refuses(lambda: rows.update(**{field: other_value(field)}))


@pytest.mark.parametrize("state", ["erased", "restored"])
@pytest.mark.parametrize("field", [*triggers.PROGRESS, *triggers.VERIFICATION])
def test_an_entry_in_a_final_state_cannot_be_changed(
    entry: AuditEntry, state: str, field: str
) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(state=state, verified_at=timezone.now(), detail="was missing already")
    assert refuses(lambda: rows.update(**{field: other_value(field)}))


def test_the_verification_of_an_erased_key_is_recorded_once(entry: AuditEntry) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(state="erased")
    assert refuses(lambda: rows.update(detail="x"))
    rows.update(verified_at=timezone.now(), detail="a later look found the key in storage")
    assert refuses(lambda: rows.update(detail="x"))
    assert refuses(lambda: rows.update(verified_at=None))


@pytest.mark.parametrize("state", ["pending", "in_use", "failed", "hidden"])
def test_progress_may_be_recorded_until_an_entry_is_final(entry: AuditEntry, state: str) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(state=state)
    for field in (*triggers.PROGRESS, *triggers.VERIFICATION):
        assert rows.update(**{field: other_value(field)})


@pytest.mark.parametrize("model", [AuditEntry, AuditEvent])
def test_sqlite_replaces_no_row(entry: AuditEntry, model: type[Model]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE")
    AuditEvent.objects.create(type="export", actor_name="a")
    table, rows = model._meta.db_table, model._default_manager.count()
    names = [field.column for field in model._meta.fields]
    columns = ", ".join(f'"{name}"' for name in names)
    replacing = f"REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table}"
    assert refuses(lambda: connection.cursor().execute(replacing))
    others = ", ".join("id + 10" if name == "id" else f'"{name}"' for name in names)
    connection.cursor().execute(f"INSERT INTO {table} ({columns}) SELECT {others} FROM {table}")
    taking = f"UPDATE OR REPLACE {table} SET id = id + 10"
    assert refuses(lambda: connection.cursor().execute(taking))
    assert model._default_manager.count() == 2 * rows


@pytest.mark.parametrize("model", [AuditEntry, AuditEvent])
def test_postgresql_truncates_neither_table(entry: AuditEntry, model: type[Model]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    assert refuses(lambda: connection.cursor().execute(f"TRUNCATE {model._meta.db_table} CASCADE"))
    assert AuditEntry.objects.exists()


def test_an_unknown_identity_may_be_filled_in_once(entry: AuditEntry) -> None:
    assert entry.identity is None
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(identity=uuid4())
    assert refuses(lambda: rows.update(identity=uuid4()))
    assert refuses(lambda: rows.update(identity=None))


@pytest.mark.parametrize("final", ["erased", "restored"])
def test_a_final_state_is_final(entry: AuditEntry, final: str) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(state=final)
    for state in ("pending", "hidden", "in_use", "failed"):
        assert refuses(partial(rows.update, state=state))


def test_no_event_can_be_changed_or_deleted(db: None) -> None:
    event = AuditEvent.objects.create(type="export", actor_name="a")
    assert refuses(event.delete)
    assert refuses(lambda: AuditEvent.objects.update(actor_name="b"))


def test_a_missing_trigger_is_reported_and_migrate_makes_it_again(db: None) -> None:
    assert check_triggers(databases=["default"]) == []
    triggers.drop(connection)
    (warning,) = check_triggers(databases=["default"])
    assert warning.id == "moderation.W007"
    call_command("migrate", verbosity=0, skip_checks=False)
    assert check_triggers(databases=["default"]) == []


def remake(name: str, statement: str) -> None:
    """Replace one of our triggers with another one."""
    on = " ON moderation_auditentry" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}{on}")
        cursor.execute(statement)


def test_trigger_that_does_nothing_is_reported(db: None) -> None:
    name = "moderation_auditentry_no_delete"
    action = (
        "BEGIN SELECT 1; END"
        if connection.vendor == "sqlite"
        else "EXECUTE FUNCTION moderation_refuse('audit log rows are permanent')"
    )
    remake(
        name,
        f"CREATE TRIGGER {name} BEFORE DELETE ON moderation_auditentry FOR EACH ROW "
        f"WHEN (1 = {1 if connection.vendor == 'sqlite' else 2}) {action}",
    )
    assert triggers.missing(connection) == [name]
    triggers.create(connection)


def test_trigger_of_the_same_name_elsewhere_does_not_count(db: None) -> None:
    name = "moderation_auditentry_no_delete"
    action = (
        "BEGIN SELECT RAISE(ABORT, 'audit log rows are permanent'); END"
        if connection.vendor == "sqlite"
        else "EXECUTE FUNCTION moderation_refuse('audit log rows are permanent')"
    )
    remake(
        name,
        f"CREATE TRIGGER {name} BEFORE DELETE ON moderation_heartbeat FOR EACH ROW "
        f"WHEN (1 = 1) {action}",
    )
    assert triggers.missing(connection) == [name]
    with connection.cursor() as cursor:
        on = " ON moderation_heartbeat" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {name}{on}")
    triggers.create(connection)


def test_disabled_and_empty_triggers_are_reported(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite can neither disable a trigger nor change what it calls")
    table, name = "moderation_auditevent", "moderation_auditevent_no_update"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    assert triggers.missing(connection) == [name]
    triggers.create(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION moderation_refuse() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NEW; END $$"
        )
    assert len(triggers.missing(connection)) == len(list(triggers._triggers("postgresql")))
    triggers.create(connection)
    assert triggers.missing(connection) == []


def test_flush_by_an_operator_does_not_empty_the_log(entry: AuditEntry) -> None:
    with pytest.raises(Exception, match="flush"):
        call_command("flush", interactive=False, verbosity=0)
    assert AuditEntry.objects.exists()
