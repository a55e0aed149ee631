"""The tables, read with plain SQL. Every name of them that the checker knows is in this file."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.workload.database import Database, json_value
from tests.faults.workload.site import DEFAULT_BADGE

# A row: the model's label and the key, as text.
RowId = tuple[str, str]
# A file of a row: the model's label, the row's key, the field and the file's name.
FileId = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows name files; `beside` are suffixes of further files of each."""

    name: str
    columns: tuple[str, ...] = ("file",)
    beside: tuple[str, ...] = ()
    registered: bool = True


TABLES = {
    "posts.PostImage": Table("posts_postimage", ("image", "thumbnail")),
    "workload.Document": Table("workload_document"),
    "workload.Photo": Table("workload_photo", beside=(".small",)),
    "workload.Badge": Table("workload_badge"),
    "workload.Sheet": Table("workload_sheet"),
    "workload.Clipping": Table("workload_clipping", registered=False),
    "workload.Quote": Table("workload_quote", registered=False),
}
PARENT_TABLES = {"posts.Post": "posts_post", "workload.Folder": "workload_folder"}
PARENT_OF = {
    "posts.PostImage": "posts.Post",
    "workload.Document": "workload.Folder",
    "workload.Photo": "workload.Folder",
    "workload.Badge": "workload.Folder",
}

PENDING, ERASED, IN_USE, FAILED = "pending", "erased", "in_use", "failed"
WAS_MISSING = "was missing already"
FINISHED = {"done", "cancelled", "expired"}
UNFINISHED = {"deleting", "purging"}
DELETED = "deleted"
ENTRY = (
    "id", "object_label", "object_key", "field", "key", "name", "state", "removal_id", "attempts",
    "detail", "error_code", "error", "in_use_reason", "recorded_at", "erased_at", "in_use_at",
    "due_at", "leased_until", "verified_at",
)  # fmt: skip
# When an entry is due, when its use is checked again, and since when it is unused.
WAITING_FOR = ("due_at", "recheck_at", "unused_at")
BACK = {
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', {}, '-3 minutes')",
    "postgresql": "{} - interval '3 minutes'",
}
BATCH = (
    "removal_id",
    "number",
    "state",
    "frozen",
    "changed",
    "already_deleted",
    "deleted_total",
    "error",
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The content of the database at a moment when nobody writes."""

    rows: Mapping[RowId, Mapping[str, str]]  # names by field; "" for a file that no field names
    parents: frozenset[RowId]
    entries: list[dict[str, Any]]
    removals: dict[int, str]  # states
    batches: list[dict[str, Any]]

    @property
    def users(self) -> dict[str, list[RowId]]:
        """Return the live rows that name each key."""
        found: dict[str, list[RowId]] = {}
        for row, names in self.rows.items():
            for name in names.values():
                found.setdefault(key_of(name), []).append(row)
        return found


def read(database: Database) -> Tables:
    """Read all tables."""
    return Tables(
        rows={
            (label, str(key)): names
            for label in TABLES
            for key, names in live_rows(database, label).items()
        },
        parents=frozenset(
            (label, str(key))
            for label, table in PARENT_TABLES.items()
            for (key,) in database.query(f"SELECT id FROM {table}")
        ),
        entries=_dicts(database, ENTRY, "moderation_auditentry ORDER BY id"),
        removals=dict(database.query("SELECT id, state FROM moderation_removal")),
        batches=[
            {
                **batch,
                **{
                    name: json_value(batch[name])
                    for name in ("frozen", "changed", "already_deleted")
                },
            }
            for batch in _dicts(database, BATCH, "moderation_removalbatch")
        ],
    )


def live_rows(database: Database, label: str, where: str = "") -> dict[int, dict[str, str]]:
    """Return the files of the rows of a model, by key and field."""
    table = TABLES[label]
    columns = ", ".join(table.columns)
    found = database.query(f"SELECT id, {columns} FROM {table.name} {where}")
    return {key: files_of_row(table, names) for key, *names in found}


def files_of_row(table: Table, names: Sequence[str]) -> dict[str, str]:
    """Return the files of a row by field, from the values of its columns."""
    files = {c: name for c, name in zip(table.columns, names, strict=True) if name}
    for ending in table.beside:
        if names[0]:
            files[""] = names[0] + ending
    return files


def key_of(name: str) -> str:
    """Return the key of a name in any spelling."""
    return posixpath.normpath(name)


def is_default(name: str) -> bool:
    """Return whether a file is a field's default, and so belongs to no row."""
    return key_of(name) == DEFAULT_BADGE


def is_work_left(database: Database) -> bool:
    """Return whether an entry is pending or a removal unfinished."""
    pending = database.query(
        "SELECT 1 FROM moderation_auditentry WHERE state = %s LIMIT 1", PENDING
    )
    removals = database.query("SELECT state FROM moderation_removal")
    return bool(pending) or any(state in UNFINISHED for (state,) in removals)


def is_kept_for_nobody(database: Database) -> bool:
    """Return whether an entry is kept for a live row, and no row names the file."""
    tables = read(database)
    users = tables.users
    return any(
        entry["state"] == IN_USE and key_of(entry["name"]) not in users for entry in tables.entries
    )


def leased(database: Database, after: object) -> list[str]:
    """Return the names in the entries that are leased until after a time."""
    found = database.query(
        "SELECT name FROM moderation_auditentry WHERE state = %s AND leased_until > %s",
        PENDING,
        after,
    )
    return [name for (name,) in found]


def let_time_pass(database: Database) -> None:
    """Make due times pass by moving them some minutes; leases of workers are unchanged."""
    table = "moderation_auditentry"
    back = BACK[database.vendor]
    columns = [c for c in WAITING_FOR if c in database.columns(table)]
    changes = ", ".join(f"{column} = {back.format(column)}" for column in columns)
    database.query(f"UPDATE {table} SET {changes} WHERE state IN (%s, %s)", PENDING, IN_USE)


def _dicts(database: Database, columns: tuple[str, ...], source: str) -> list[dict[str, Any]]:
    rows = database.query(f"SELECT {', '.join(columns)} FROM {source}")
    return [dict(zip(columns, row, strict=True)) for row in rows]
