"""A benchmark's database: fresh, saved once it is filled, and restored before each run."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management import call_command
from django.db import connection

SAVED = "saved"


def create() -> None:
    """Make the database that the settings name, with every table."""
    if connection.vendor == "postgresql":
        _on_server(f"CREATE DATABASE {connection.settings_dict['NAME']}")
    call_command("migrate", verbosity=0)


def save() -> None:
    """Keep the database as it is now, with the planner's statistics that a site would have."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    connection.close()
    _copy(_name(), _saved())


def restore() -> None:
    """Bring back what was saved."""
    connection.close()
    _copy(_saved(), _name())


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _saved() -> str:
    return f"{_name()}.{SAVED}" if connection.vendor == "sqlite" else SAVED


def _copy(source: str, target: str) -> None:
    """Copy a database that nobody is connected to over another."""
    if connection.vendor == "postgresql":
        _on_server(f"DROP DATABASE IF EXISTS {target}")
        _on_server(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")
        # Else the copy is written to disk in the middle of what is measured next.
        _on_server("CHECKPOINT")
        return
    for ending in ("", "-wal", "-shm"):
        Path(target + ending).unlink(missing_ok=True)
    shutil.copy(source, target)


def _on_server(statement: str) -> None:
    # Django's own way to its test databases: a connection to none of the server's in particular.
    with connection._nodb_cursor() as cursor:  # noqa: SLF001
        cursor.execute(statement)
