"""Databases for the workload, and access to them without Django."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.services.processes import ROOT

SETTINGS = "tests.faults.workload.settings"
TEMPLATE = "workload_template"
MIGRATE_SECONDS = 300
BUSY_SECONDS = 30


class Database(Protocol):
    """A database for one round."""

    url: str
    vendor: str

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement in its own transaction; return its rows."""

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns."""

    def close(self) -> None:
        """Close the connection."""


class SQLite:
    """A database in a file."""

    vendor = "sqlite"

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._connection = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database.query`."""
        return list(self._connection.execute(sql.replace("%s", "?").replace("%%", "%"), values))

    def columns(self, table: str) -> list[str]:
        """See `Database.columns`."""
        return [name for (name,) in self.query("SELECT name FROM pragma_table_info(%s)", table)]

    def close(self) -> None:
        """See `Database.close`."""
        self._connection.close()


class PostgreSQL:
    """A database of the server that the tests started."""

    vendor = "postgresql"

    def __init__(self, url: str) -> None:
        import psycopg  # a run on SQLite need not have it

        self.url = url
        self._connection: Any = psycopg.connect(autocommit=True, **parameters(url))

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database.query`."""
        cursor = self._connection.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []

    def columns(self, table: str) -> list[str]:
        """See `Database.columns`."""
        return [
            name
            for (name,) in self.query(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", table
            )
        ]

    def close(self) -> None:
        """See `Database.close`."""
        self._connection.close()


def parameters(url: str) -> dict[str, Any]:
    """Return psycopg's parameters for a DATABASE_URL in the form that the tests use."""
    login, _, location = url.partition("://")[2].partition("@/")
    if not location:
        return {"conninfo": url}
    folder, _, name = location.rpartition("/")
    return {"user": login, "host": folder, "dbname": name}


def json_value(value: Any) -> Any:
    """Return a JSON column's value; SQLite returns it as text."""
    return json.loads(value) if isinstance(value, str) else value


def opener(folder: Path) -> Callable[[], Callable[[], Database]]:
    """Migrate a template once; return a function that creates a database and returns its opener."""
    url = os.environ["DATABASE_URL"]
    return _postgres_template(url) if url.startswith("postgres") else _sqlite_template(folder)


def _sqlite_template(folder: Path) -> Callable[[], Callable[[], Database]]:
    template = folder / "template.sqlite3"
    _migrate(f"sqlite:///{template}")

    def make() -> Callable[[], Database]:
        file = folder / f"{uuid.uuid4().hex}.sqlite3"
        shutil.copy(template, file)
        return lambda: SQLite(file)

    return make


def _postgres_template(server: str) -> Callable[[], Callable[[], Database]]:
    def run(sql: str) -> None:
        maintenance = PostgreSQL(server)
        maintenance.query(sql)
        maintenance.close()

    def url_of(name: str) -> str:
        return f"{server.rpartition('/')[0]}/{name}"

    run(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    run(f"CREATE DATABASE {TEMPLATE}")
    _migrate(url_of(TEMPLATE))

    def make() -> Callable[[], Database]:
        name = f"workload_{uuid.uuid4().hex}"
        run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return lambda: PostgreSQL(url_of(name))

    return make


def _migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": SETTINGS},
        check=True,
        timeout=MIGRATE_SECONDS,
    )
