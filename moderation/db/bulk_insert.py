"""Inserting many rows at once, by the quickest way that the database has.

Django's `bulk_create` assumes 999 variables a statement on SQLite, which is 24 audit entries, and
makes an instance, asks each field about each value, and writes a long statement for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

Column = Sequence[Any]
Prepare = Callable[[Column], Column]

# Rows that are put together while the server still writes the last ones: 200 kB or so.
ROWS_A_WRITE = 500
SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
NULL = r"\N"


def insert(
    model: type[models.Model],
    rows: Iterable[Mapping[str, Any]],
    *,
    same: Mapping[str, Any] | None = None,
    using: str,
) -> None:
    """Insert rows of a model with an automatic key, in the caller's transaction.

    A row maps columns (`attname`) to values of the fields' own types. What it leaves out is as in
    `same`, which holds for all rows, else the field's default. No instance is made and no signal
    sent. Raises what the database has against a row.
    """
    rows = list(rows)  # all of them: while COPY runs, the connection takes no query of a row's
    connection = connections[using]
    write = _copy if connection.vendor == "postgresql" else _execute_many
    write(connection, model._meta.db_table, _Prepared(model, rows, same or {}, connection))


class _Prepared:
    """Rows as columns: those that differ, and those of which all rows have the same value.

    To ask each field about each value took half of the time of a deletion. Columns that are NULL in
    every row are left out: the database need not be told of these.
    """

    def __init__(
        self,
        model: type[models.Model],
        rows: Sequence[Mapping[str, Any]],
        same: Mapping[str, Any],
        connection: BaseDatabaseWrapper,
    ) -> None:
        self.rows = rows
        told = set().union(*rows)
        fields = [f for f in model._meta.local_concrete_fields if not f.primary_key]
        given = {f: same[f.attname] if f.attname in same else f.get_default() for f in fields}
        own = [f for f in fields if f.attname in told]
        shared = [f for f in fields if f.attname not in told and given[f] is not None]
        self.own = [(f.attname, given[f], _preparation(f, connection)) for f in own]
        self.same = [f.get_db_prep_save(given[f], connection) for f in shared]
        self.names = [str(f.column) for f in (*own, *shared)]

    def pages(self) -> Iterator[list[Column]]:
        """Yield the columns that differ, a page of rows at a time."""
        for start in range(0, len(self.rows), ROWS_A_WRITE):
            page = self.rows[start : start + ROWS_A_WRITE]
            yield [
                prepare([row.get(name, given) for row in page]) for name, given, prepare in self.own
            ]


def _preparation(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Prepare:
    """How a column becomes what the database takes; most are taken as they are."""
    if isinstance(field, models.CharField | models.TextField | models.IntegerField):
        return lambda column: column

    def prepared(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    if isinstance(field, models.JSONField):  # its values are no keys
        return lambda column: list(map(prepared, column))
    # Rows repeat a few values (the storage's identity) many times.
    return lambda column: list(map(cache(prepared), column))


def _into(connection: Any, table: str, names: Iterable[str]) -> str:
    quoted = connection.ops.quote_name
    return f"{quoted(table)} ({', '.join(map(quoted, names))})"


def _copy(connection: Any, table: str, prepared: _Prepared) -> None:
    """Write rows by COPY, in its text format, each page while the server works on the last one.

    The lines are put together here: psycopg's `write_row` looks at each of the 30 values of a row,
    of which half are the same in all, and took as long as the server for the row with its indexes.
    """
    connection.ensure_connection()
    text = _Text(connection)
    end = "".join("\t" + value for value in text.column(prepared.same)) + "\n"
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {_into(connection, table, prepared.names)} FROM STDIN") as copy,
    ):
        for page in prepared.pages():
            lines = map("\t".join, zip(*map(text.column, page), strict=True))
            copy.write(end.join([*lines, ""]))


class _Text:
    """Values as the text format of COPY has them, see PostgreSQL's manual."""

    def __init__(self, connection: Any) -> None:
        from psycopg.adapt import PyFormat, Transformer  # a site on SQLite need not have it

        self._dumpers, self._format = Transformer(connection.connection), PyFormat.TEXT
        self._dumped = lru_cache(maxsize=None, typed=True)(self._dump)  # 1 is no True

    def column(self, values: Column) -> Column:
        """Return a column's texts. One look for all: hardly any value has something to escape."""
        if set(map(type, values)) == {str} and not SPECIAL.search("".join(values)):
            return values
        return list(map(self._one, values))

    def _one(self, value: Any) -> str:
        if value is None:
            return NULL
        return (value if type(value) is str else self._dumped(value)).translate(ESCAPES)

    def _dump(self, value: Any) -> str:
        """Return what psycopg makes of a value; rows repeat a few of them, such as the size."""
        dumped = self._dumpers.get_dumper(value, self._format).dump(value)
        return bytes(dumped or b"").decode()


def _execute_many(connection: Any, table: str, prepared: _Prepared) -> None:
    marks = ", ".join(["%s"] * len(prepared.names))
    statement = f"INSERT INTO {_into(connection, table, prepared.names)} VALUES ({marks})"  # noqa: S608 - quoted names of our own model
    rows = ([*row, *prepared.same] for page in prepared.pages() for row in zip(*page, strict=True))
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
