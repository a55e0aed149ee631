"""Database triggers that guard the audit log, whoever writes to the database.

They forbid deleting an entry or an event, changing what identifies an entry (an identity that was
not known yet may be filled in once), leaving a final state, and changing an event. They are made
after each migrate: on SQLite, altering a table drops its triggers without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from moderation.models import AuditEntry, AuditEvent
from moderation.models.audit import FINAL_STATES

# What an entry says about the past. The rest is what became of the key since.
IDENTIFYING = (
    "storage", "location", "key", "name", "hidden_name", "object_label", "object_key", "field",
    "parent_label", "parent_key", "title", "owner", "removal_id", "actor_id", "actor_name",
    "reason", "beside", "size", "sha256", "recorded_at",
)  # fmt: skip


def make(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers anew. Raises NotImplementedError on an engine that we know none for."""
    lift(connection)
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers, for a test database that has to be flushed."""
    with connection.cursor() as cursor:
        for name, table, *_ in _rules():
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the triggers that the database does not have."""
    wanted = [name for name, *_ in _rules()]
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND NOT tgisinternal",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {row[0] for row in cursor.fetchall()}
    return [name for name in wanted if name not in there]


def _rules() -> Iterator[tuple[str, str, str, str, str]]:
    """Each trigger: its name, its table, the operation, the condition, and what it says."""
    entry, event = AuditEntry._meta.db_table, AuditEvent._meta.db_table
    final = ", ".join(f"'{state.value}'" for state in FINAL_STATES)
    changed = " OR ".join(f"{{old}}.{name} {{differs}} {{new}}.{name}" for name in IDENTIFYING)
    changed += " OR ({old}.identity IS NOT NULL AND {old}.identity {differs} {new}.identity)"
    for table in (entry, event):
        yield f"{table}_no_delete", table, "DELETE", "1 = 1", "rows of the audit log stay"
    yield f"{entry}_same", entry, "UPDATE", changed, "what identifies an audit entry stays"
    ended = f"{{old}}.state IN ({final}) AND {{old}}.state {{differs}} {{new}}.state"
    yield f"{entry}_final", entry, "UPDATE", ended, "an audit entry stays in its final state"
    yield f"{event}_no_update", event, "UPDATE", "1 = 1", "an audit event stays as it is"


def _statements(vendor: str) -> Iterator[str]:
    if vendor not in ("sqlite", "postgresql"):
        raise NotImplementedError(f"The audit log cannot be guarded on {vendor}.")
    if vendor == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION moderation_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for name, table, operation, condition, says in _rules():
        differs = "IS NOT" if vendor == "sqlite" else "IS DISTINCT FROM"
        when = condition.format(old="OLD", new="NEW", differs=differs)
        act = (
            f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            if vendor == "sqlite"
            else f"EXECUTE FUNCTION moderation_refuse('{says}')"
        )
        yield (
            f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW WHEN ({when}) {act}"
        )
