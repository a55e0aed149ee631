"""Find the databases that hold a model's table, and so may have a row that uses a file."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import DatabaseError, connections, router
from django.db.models import Model
from django.db.models.signals import post_migrate

from moderation.models import AuditEntry

# Seconds for which a database's list of tables, or the failure to read it, is cached.
REFRESH = 60.0


class Unreachable(DatabaseError):
    """A database that may hold rows could not list its tables."""


_known: dict[str, tuple[float, frozenset[str] | Unreachable]] = {}
_looked_at = 0.0


def look_for_new_tables() -> None:
    """Require a newly read list of tables before a table counts as absent.

    Another process may have migrated since a list was cached, and files that rows of a new table
    use must not be erased. Each call causes a database's list to be read again at most once.
    """
    global _looked_at  # noqa: PLW0603 - the lists are cached per process, too
    _looked_at = time.monotonic()


def forget_tables(**_: object) -> None:
    """Clear the cached lists of tables."""
    _known.clear()


post_migrate.connect(forget_tables, dispatch_uid="moderation.forget_tables")


def databases_with(model: type[Model]) -> Iterator[str | Unreachable]:
    """Yield the aliases of the databases that hold the model's table, and unreachable databases.

    A database with two aliases is yielded once. A copy (a test's mirror, a standby server) is never
    yielded: its rows are slightly outdated copies of rows in another database.
    """
    for alias in distinct_databases():
        tables = _tables_of(alias)
        if isinstance(tables, Unreachable):
            if not model._meta.managed or router.allow_migrate_model(alias, model):
                yield tables
        elif _holds(alias, tables, model):
            yield alias


def distinct_databases() -> list[str]:
    """Return one alias for each database, the audit log's first."""
    home = router.db_for_write(AuditEntry)
    found: dict[tuple[str, ...], str] = {}
    for alias in sorted(connections, key=lambda alias: alias != home):
        options = connections[alias].settings_dict
        if not options.get("TEST", {}).get("MIRROR"):
            names = ("ENGINE", "HOST", "PORT", "NAME", "USER", "OPTIONS")
            found.setdefault(tuple(str(options.get(name)) for name in names), alias)
    return list(found.values())


def _holds(alias: str, tables: frozenset[str], model: type[Model]) -> bool:
    table = model._meta.db_table
    if '"' in table:  # has a schema ('"schema"."table"') and so is not in any list
        return alias == router.db_for_write(model)
    if (name := _as_listed(alias, table)) in tables:
        return True
    tables_now = _tables_of(alias, since=_looked_at)
    return not isinstance(tables_now, Unreachable) and name in tables_now


def _as_listed(alias: str, table: str) -> str:
    """Return a table's name as the database lists it. PostgreSQL truncates long names."""
    if connections[alias].vendor == "sqlite":
        return table.casefold()
    longest = connections[alias].ops.max_name_length()
    return table.encode()[:longest].decode(errors="ignore") if longest else table


def _tables_of(alias: str, *, since: float = 0.0) -> frozenset[str] | Unreachable:
    now = time.monotonic()
    key = f"{alias} {connections[alias].settings_dict.get('NAME')}"
    if key not in _known or _known[key][0] < max(since, now - REFRESH):
        _known[key] = (now, _read_tables(alias))
    return _known[key][1]


def _read_tables(alias: str) -> frozenset[str] | Unreachable:
    """Return the tables of a database. Raises an error only for the audit log's database."""
    connection = connections[alias]
    try:
        if connection.vendor == "postgresql" and _is_standby(alias):
            return frozenset()
        tables = connection.introspection.table_names(include_views=True)
    except Exception as error:
        if alias == router.db_for_write(AuditEntry):
            raise
        return Unreachable(f"database {alias}: {error}")
    return frozenset(map(str.casefold, tables) if connection.vendor == "sqlite" else tables)


def _is_standby(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])
