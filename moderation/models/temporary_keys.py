"""The frozen keys of a draft in a table of their own, for several queries in a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

from moderation.models.frozen_keys import FrozenKeys
from moderation.models.removal import Removal, RemovalBatch


@contextmanager
def key_table(removal: Removal, model: type[models.Model]) -> Iterator[models.Expression]:
    """Yield an expression for `pk__in=` that is valid in the block.

    PostgreSQL cannot estimate how many keys the JSON of the batches holds. It would look up the
    objects one by one, which takes several times as long. So there, the keys are copied into a
    temporary table with statistics, unless the user of the database may not create one. The caller
    must have checked `has_exact_keys` first.
    """
    keys, connection = FrozenKeys(removal, model), connections[RemovalBatch.objects.db]
    if not _may_create_table(connection):
        yield keys
        return
    with transaction.atomic(using=connection.alias):
        table = connection.ops.quote_name(f"moderation_keys_{removal.pk}")
        _execute(connection, f"CREATE TEMPORARY TABLE {table} (key {_type_of(keys, connection)})")
        sql, parameters = keys.as_postgresql(None, connection)  # type: ignore[arg-type]
        _execute(connection, f"INSERT INTO {table} {sql}", parameters)
        _execute(connection, f"ANALYZE {table}")
        yield _KeysInTable(table, keys.output_field)
        _execute(connection, f"DROP TABLE {table}")  # a rollback drops it as well


class _KeysInTable(models.Expression):
    """The keys in a temporary table."""

    def __init__(self, table: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.table = table

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,  # noqa: ARG002
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery."""
        return f"(SELECT key FROM {self.table})", ()  # noqa: S608 - our own name


def _may_create_table(connection: BaseDatabaseWrapper) -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_database_privilege(current_database(), 'TEMPORARY')")
        return bool(cursor.fetchone()[0])


def _type_of(keys: FrozenKeys, connection: BaseDatabaseWrapper) -> str:
    return str(keys.output_field.rel_db_type(connection))


def _execute(connection: BaseDatabaseWrapper, sql: str, parameters: tuple[Any, ...] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
