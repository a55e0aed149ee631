"""A benchmark's database: created, saved once it is filled, and restored before each run."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management import call_command
from django.db import connection

SAVED = "saved"


def create() -> None:
    """Create the database of the settings, with all tables."""
    if connection.vendor == "postgresql":
        _on_server(f"CREATE DATABASE {connection.settings_dict['NAME']}")
    call_command("migrate", verbosity=0)


def save() -> None:
    """Save a copy of the database, with planner statistics as on a real site."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    connection.close()
    _copy(_name(), _saved())


def restore() -> None:
    """Replace the database with the saved copy."""
    connection.close()
    _copy(_saved(), _name())


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _saved() -> str:
    return f"{_name()}.{SAVED}" if connection.vendor == "sqlite" else SAVED


def _copy(source: str, target: str) -> None:
    """Replace `target` with a copy of `source`. Neither may have connections."""
    if connection.vendor == "postgresql":
        _on_server(f"DROP DATABASE IF EXISTS {target}")
        _on_server(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")
        # Otherwise the copy is written to disk during the next measurement.
        _on_server("CHECKPOINT")
        return
    for suffix in ("", "-wal", "-shm"):
        Path(target + suffix).unlink(missing_ok=True)
    shutil.copy(source, target)


def _on_server(statement: str) -> None:
    # Django creates its test databases with this connection, to a maintenance database.
    with connection._nodb_cursor() as cursor:  # noqa: SLF001
        cursor.execute(statement)
