"""Triggers that protect the audit log in the database, whatever code runs.

They forbid deleting and replacing entries and events, truncating their tables, changing an event or
the identifying fields of an entry, and changing an entry in a final state. They are created again
after each `migrate`, because altering a table on SQLite silently drops its triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from moderation.models import AuditEntry, AuditEvent
from moderation.models.states import FINAL_STATES

# Each of these tuples says when its fields may change. A test fails for a field of an entry that is
# in none of them. Identifying fields never change; those of the second tuple once, from null.
IDENTIFYING = (
    "id", "storage", "location", "key", "name", "hidden_name", "object_label", "object_key",
    "field", "parent_label", "parent_key", "title", "owner", "removal", "actor", "actor_name",
    "reason", "row_names", "size", "sha256", "recorded_at",
)  # fmt: skip
IDENTIFYING_ONCE_KNOWN = ("identity",)
# These change until the entry reaches a final state.
PROGRESS = (
    "state", "in_use_reason", "versions", "attempts", "error_code", "error", "due_at",
    "leased_until", "recheck_at", "unused_at", "hidden_at", "erased_at", "in_use_at", "failed_at",
    "restored_at",
)  # fmt: skip
# The result of verifying an erased key. These change freely until the entry reaches a final state,
# and then once, together with the time of the verification.
VERIFICATION = ("verified_at", "detail")
VERIFIED_AT = "verified_at"

FUNCTION = "moderation_refuse"
FUNCTION_BODY = (
    " BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END "
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that forbids an operation on a table under a condition, with a message.

    The condition is SQL with `{old}`, `{new}` and `{differs}` as placeholders for the database's
    syntax. It is empty for a trigger that runs for each statement instead of each row.
    """

    name: str
    table: str
    operation: str
    condition: str
    message: str


def are_applicable(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the database has the tables of both models with all their columns."""
    return all(
        {field.column for field in model._meta.local_fields} <= _columns(connection, model)
        for model in (AuditEntry, AuditEvent)
    )


def _columns(connection: BaseDatabaseWrapper, model: type[models.Model]) -> set[str]:
    with connection.cursor() as cursor:
        if model._meta.db_table not in connection.introspection.table_names(cursor):
            return set()
        described = connection.introspection.get_table_description(cursor, model._meta.db_table)
    return {column.name for column in described}


def create(connection: BaseDatabaseWrapper) -> None:
    """Create or replace all triggers. Raises NotImplementedError on an unsupported database."""
    drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$${FUNCTION_BODY}$$"
            )
        for trigger in _triggers(connection.vendor):
            cursor.execute(_statement(trigger, connection.vendor))


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers of the tables that exist, to migrate them or to flush a test database."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for trigger in _triggers(connection.vendor):
            if trigger.table not in tables:
                continue
            on = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger.name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the triggers that the audit log's tables lack, or that differ.

    Compares their texts, because a trigger of the same name may belong to another table or schema,
    be disabled, or do nothing.
    """
    triggers = list(_triggers(connection.vendor))
    expected, found = (_sqlite if connection.vendor == "sqlite" else _postgresql)(
        connection, triggers
    )
    return [name for name in expected if found.get(name) != expected[name]]


def _sqlite(
    connection: BaseDatabaseWrapper, triggers: list[Trigger]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the expected and the actual text of each trigger. SQLite stores it verbatim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = dict(cursor.fetchall())
    return {trigger.name: _statement(trigger, "sqlite") for trigger in triggers}, found


def _postgresql(
    connection: BaseDatabaseWrapper, triggers: list[Trigger]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the expected and the actual description of each trigger on PostgreSQL.

    The server rewrites the text, so the expected one comes from the same triggers on an empty copy
    of the table, which is rolled back.
    """
    found: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for table in dict.fromkeys(trigger.table for trigger in triggers):
            own = [trigger for trigger in triggers if trigger.table == table]
            found |= _described(cursor, table)
            copy = f"{table}_expected"
            cursor.execute(f"CREATE TEMPORARY TABLE {copy} (LIKE {table} INCLUDING DEFAULTS)")
            for trigger in own:
                statement = _statement(trigger, "postgresql")
                cursor.execute(statement.replace(f" ON {table} ", f" ON {copy} "))
            expected |= {n: (*d[:-1], FUNCTION_BODY) for n, d in _described(cursor, copy).items()}
        transaction.set_rollback(True, using=connection.alias)
    return expected, found


def _described(cursor: Any, table: str) -> dict[str, Any]:
    """Return {trigger: (whether it is enabled, its text in two parts, its function's body)}."""
    cursor.execute(
        "SELECT tgname, tgenabled, pg_get_triggerdef(t.oid), prosrc "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid "
        "WHERE tgrelid = %s::regclass AND NOT tgisinternal",
        [table],
    )
    return {
        name: (enabled, text.partition(" ON ")[0], text.partition(" FOR EACH ")[2], body)
        for name, enabled, text, body in cursor.fetchall()
    }


def _triggers(vendor: str) -> Iterator[Trigger]:
    """Yield the triggers that a database needs."""
    if vendor not in ("sqlite", "postgresql"):
        raise NotImplementedError(f"The audit log cannot be protected by triggers on {vendor}.")
    entry, event = AuditEntry._meta.db_table, AuditEvent._meta.db_table
    for model in (AuditEntry, AuditEvent):
        table = model._meta.db_table
        yield Trigger(
            f"{table}_no_delete", table, "DELETE", "1 = 1", "audit log rows are permanent"
        )
        if vendor == "postgresql":
            message = "the audit log cannot be truncated"
            yield Trigger(f"{table}_no_truncate", table, "TRUNCATE", "", message)
        else:
            yield from _no_replace(model)
    yield Trigger(
        f"{entry}_same",
        entry,
        "UPDATE",
        _identity_changes(),
        "identifying fields of an audit entry cannot be changed",
    )
    yield Trigger(
        f"{entry}_final",
        entry,
        "UPDATE",
        _changes_in_final_state(),
        "an audit entry in a final state cannot be changed",
    )
    yield Trigger(f"{event}_no_update", event, "UPDATE", "1 = 1", "audit events cannot be changed")


def _no_replace(model: type[models.Model]) -> Iterator[Trigger]:
    """Yield SQLite's triggers against INSERT OR REPLACE, which fires no DELETE trigger.

    There is one for each unique index. UPDATE OR REPLACE needs none: it can replace another row
    only by changing a column of such an index, and all these columns are identifying.
    """
    table = model._meta.db_table
    for columns in unique_columns(model):
        same = " AND ".join(f"{column} = {{new}}.{column}" for column in columns)
        name, message = "_".join(columns), "audit log rows cannot be replaced"
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - our own names
        yield Trigger(f"{table}_no_replace_{name}", table, "INSERT", exists, message)


def unique_columns(model: type[models.Model]) -> list[tuple[str, ...]]:
    """Return the columns of each unique index of a model, the primary key first.

    Unique indexes with a condition or on expressions are not covered; the audit log has none.
    """
    single = [(str(field.column),) for field in model._meta.local_fields if field.unique]
    together = [
        tuple(str(model._meta.get_field(name).column) for name in constraint.fields)  # type: ignore[union-attr]
        for constraint in model._meta.total_unique_constraints
    ]
    return [*single, *together]


def _identity_changes() -> str:
    known = [
        f"({{old}}.{column} IS NOT NULL AND {differs})"
        for column, differs in _differences(IDENTIFYING_ONCE_KNOWN)
    ]
    return " OR ".join([*(differs for _, differs in _differences(IDENTIFYING)), *known])


def _changes_in_final_state() -> str:
    """Return the condition that an update changes an entry in a final state.

    Recording the first verification does not count as one.
    """
    final = ", ".join(f"'{state.value}'" for state in FINAL_STATES)
    progress = " OR ".join(differs for _, differs in _differences(PROGRESS))
    verified = " OR ".join(differs for _, differs in _differences(VERIFICATION))
    is_first = f"({{old}}.{VERIFIED_AT} IS NULL AND {{new}}.{VERIFIED_AT} IS NOT NULL)"
    return f"{{old}}.state IN ({final}) AND ({progress} OR (({verified}) AND NOT {is_first}))"


def _differences(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the column of each field, with the condition that an update changes it."""
    for name in names:
        column = str(AuditEntry._meta.get_field(name).column)  # type: ignore[union-attr]
        yield column, f"{{old}}.{column} {{differs}} {{new}}.{column}"


def _statement(trigger: Trigger, vendor: str) -> str:
    """Return the statement that creates a trigger. All names and values in it are our own."""
    differs = "IS NOT" if vendor == "sqlite" else "IS DISTINCT FROM"
    condition = trigger.condition.format(old="OLD", new="NEW", differs=differs)
    when = f"FOR EACH ROW WHEN ({condition})" if condition else "FOR EACH STATEMENT"
    action = (
        f"BEGIN SELECT RAISE(ABORT, '{trigger.message}'); END"
        if vendor == "sqlite"
        else f"EXECUTE FUNCTION {FUNCTION}('{trigger.message}')"
    )
    event = f"BEFORE {trigger.operation} ON {trigger.table}"
    return f"CREATE TRIGGER {trigger.name} {event} {when} {action}"
