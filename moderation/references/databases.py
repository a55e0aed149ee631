"""Find the databases that hold a model's table, and so may have a row that uses a file."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import DatabaseError, connections, router
from django.db.models import Model
from django.db.models.signals import post_migrate

from moderation.models import AuditEntry

# Seconds for which a database's list of tables, or the failure to read it, is cached.
CACHE_SECONDS = 60.0


class UnreachableDatabase(DatabaseError):
    """A database that may hold rows could not list its tables."""


_table_lists: dict[str, tuple[float, frozenset[str] | UnreachableDatabase]] = {}
_required_since = 0.0  # the time after which the list must have been read if it lacks a table


def require_current_tables() -> None:
    """Read the tables of a database again before a table counts as absent.

    Another process may have migrated since the list was cached, and files that rows of a new table
    use must not be erased. After each call, the tables of a database are read at most once more.
    """
    global _required_since  # noqa: PLW0603 - the lists are cached per process, too
    _required_since = time.monotonic()


def clear_table_cache(**_: object) -> None:
    """Clear the cached lists of tables."""
    _table_lists.clear()


post_migrate.connect(clear_table_cache, dispatch_uid="moderation.clear_table_cache")


def databases_with(model: type[Model]) -> Iterator[str | UnreachableDatabase]:
    """Yield the aliases of the databases that hold the model's table, and unreachable databases.

    Yields a database with two aliases once, and never yields a replica (a test mirror or a standby
    server), because its rows are slightly outdated copies of rows in another database.
    """
    for alias in distinct_databases():
        tables = _cached_tables(alias)
        if isinstance(tables, UnreachableDatabase):
            if not model._meta.managed or router.allow_migrate_model(alias, model):
                yield tables
        elif _has_table(alias, tables, model):
            yield alias


def distinct_databases() -> list[str]:
    """Return one alias for each database, that of the audit log first."""
    audit_database = router.db_for_write(AuditEntry)
    found: dict[tuple[str, ...], str] = {}
    for alias in sorted(connections, key=lambda alias: alias != audit_database):
        options = connections[alias].settings_dict
        if not options.get("TEST", {}).get("MIRROR"):
            names = ("ENGINE", "HOST", "PORT", "NAME", "USER", "OPTIONS")
            found.setdefault(tuple(str(options.get(name)) for name in names), alias)
    return list(found.values())


def _has_table(alias: str, tables: frozenset[str], model: type[Model]) -> bool:
    table = model._meta.db_table
    if '"' in table:  # '"schema"."table"', which is in no list
        return alias == router.db_for_write(model)
    if (name := _listed_name(alias, table)) in tables:
        return True
    tables_now = _cached_tables(alias, since=_required_since)
    return not isinstance(tables_now, UnreachableDatabase) and name in tables_now


def _listed_name(alias: str, table: str) -> str:
    """Return a table's name as the database lists it. PostgreSQL truncates long names."""
    if connections[alias].vendor == "sqlite":
        return table.casefold()
    longest = connections[alias].ops.max_name_length()
    return table.encode()[:longest].decode(errors="ignore") if longest else table


def _cached_tables(alias: str, *, since: float = 0.0) -> frozenset[str] | UnreachableDatabase:
    """Return the tables of a database, from a list that was read after `since`."""
    now = time.monotonic()
    key = f"{alias} {connections[alias].settings_dict.get('NAME')}"
    if key not in _table_lists or _table_lists[key][0] < max(since, now - CACHE_SECONDS):
        _table_lists[key] = (now, _read_tables(alias))
    return _table_lists[key][1]


def _read_tables(alias: str) -> frozenset[str] | UnreachableDatabase:
    """Return the tables of a database. Raises an error only for the audit log's database."""
    connection = connections[alias]
    try:
        if connection.vendor == "postgresql" and _is_standby(alias):
            return frozenset()
        tables = connection.introspection.table_names(include_views=True)
    except Exception as error:
        if alias == router.db_for_write(AuditEntry):
            raise
        return UnreachableDatabase(f"database {alias}: {error}")
    return frozenset(map(str.casefold, tables) if connection.vendor == "sqlite" else tables)


def _is_standby(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])
