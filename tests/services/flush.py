"""Empty the tables after a test that commits, without what only a migration has to do.

Django flushes all tables and then sends `post_migrate`, whose receivers write content types,
permissions, groups and triggers again. With thousands of tests, this took a fifth of the time. So
the rows that the receivers wrote stay where they are, unless a test changed them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

from moderation.models import triggers
from moderation.references.databases import clear_table_cache

Rows = dict[str, list[tuple[Any, ...]]]


class Flush:
    """Empties the tables; `teardown` is Django's own method, which does it after unusual tests."""

    def __init__(self, teardown: Callable[[TransactionTestCase], None]) -> None:
        self._teardown = teardown
        # The rows that `post_migrate` wrote after the last complete flush, by table.
        self._written: Rows = {}

    def after(self, test: TransactionTestCase) -> None:
        """Empty the tables. The triggers of the audit log forbid it, so they are dropped first."""
        triggers.drop(connection)
        if self._is_usual(test):
            self._empty(set(_tables()) - self._written.keys())
            triggers.create(connection)
            clear_table_cache()
        else:
            self._teardown(test)
            self._written = {table: rows for table in _tables() if (rows := _rows_of(table))}

    def _is_usual(self, test: TransactionTestCase) -> bool:
        """Return whether the test used one database and left what `post_migrate` wrote."""
        return (
            bool(self._written)
            and set(test.databases) == {"default"}
            and all(_rows_of(table) == rows for table, rows in self._written.items())
        )

    def _empty(self, tables: set[str]) -> None:
        statements = connection.ops.sql_flush(no_style(), sorted(tables))
        connection.ops.execute_sql_flush(statements)


def _tables() -> list[str]:
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


def _rows_of(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")
        return list(cursor.fetchall())
