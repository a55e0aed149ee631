"""Insert many rows at once, with the fastest method of the database.

Django's `bulk_create` assumes 999 variables per statement on SQLite, enough for 26 audit entries.
On every database it creates instances, calls each field for each value, and sends long statements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, groupby, islice
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import DatabaseDefault

Column = Sequence[Any]
Prepare = Callable[[Column], Column]

# Rows that are formatted at a time (some 200 kB), while the server writes the previous ones.
PAGE_ROWS = 500
# SQLite sets a savepoint for each statement that can fire a trigger, which takes a third of the
# time of a single row.
ROWS_PER_STATEMENT = 20
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

    A row maps columns (`attname`) to values of the fields' own types. A missing column has the
    value in `same`, which applies to all rows, or else the field's default; the database computes
    its own defaults and generated columns. Creates no instances and sends no signals. Raises the
    database's error if it rejects a row.
    """
    rows = list(rows)  # read first: while COPY runs, the connection cannot run the rows' queries
    connection = connections[using]
    write = _copy if connection.vendor == "postgresql" else _execute_many
    write(connection, model._meta.db_table, _PreparedRows(model, rows, same or {}, connection))


class _PreparedRows:
    """Rows as columns: those whose values differ, and those with the same value in all rows.

    Fields convert whole columns, because calling them for each value took half of the time of a
    deletion. Columns are omitted if they are NULL or have the database's default in every row.
    """

    def __init__(
        self,
        model: type[models.Model],
        rows: Sequence[Mapping[str, Any]],
        same: Mapping[str, Any],
        connection: BaseDatabaseWrapper,
    ) -> None:
        self.rows = rows
        columns = model._meta.local_concrete_fields
        fields = [f for f in columns if not (f.primary_key or f.generated)]
        # At least one column, even if all rows are the same: the rows are counted by their values.
        given = set().union(*rows) or {fields[0].attname}
        default = {f: same[f.attname] if f.attname in same else f.get_default() for f in fields}
        own = [f for f in fields if f.attname in given]
        omitted = (type(None), DatabaseDefault)
        shared = [
            f for f in fields if f.attname not in given and not isinstance(default[f], omitted)
        ]
        self.own = [(f.attname, default[f], _preparation(f, connection)) for f in own]
        self.same = [f.get_db_prep_save(default[f], connection) for f in shared]
        self.names = [str(f.column) for f in (*own, *shared)]

    def pages(self) -> Iterator[list[Column]]:
        """Yield the columns that differ, a page of rows at a time."""
        for start in range(0, len(self.rows), PAGE_ROWS):
            page = self.rows[start : start + PAGE_ROWS]
            yield [
                prepare([row.get(name, default) for row in page])
                for name, default, prepare in self.own
            ]


def _preparation(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Prepare:
    """Return a function that converts a column for the database; most need no conversion."""
    if isinstance(field, models.CharField | models.TextField | models.IntegerField):
        return lambda column: column

    def prepared(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    if isinstance(field, models.JSONField):  # its values are not hashable
        return lambda column: list(map(prepared, column))
    # A few values (such as the storage's identity) occur in many rows.
    return lambda column: list(map(cache(prepared), column))


def _table_with_columns(connection: Any, table: str, names: Iterable[str]) -> str:
    quoted = connection.ops.quote_name
    return f"{quoted(table)} ({', '.join(map(quoted, names))})"


def _copy(connection: Any, table: str, prepared: _PreparedRows) -> None:
    """Write rows with COPY in its text format, a page while the server writes the previous one.

    Builds the lines itself: psycopg's `write_row` checks each of the 30 values of a row, of which
    half are the same in all rows, and took as long as the server takes to write the row.
    """
    connection.ensure_connection()
    text = _CopyFormat(connection)
    end = "".join("\t" + value for value in text.column(prepared.same)) + "\n"
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY {_table_with_columns(connection, table, prepared.names)} FROM STDIN"
        ) as copy,
    ):
        for page in prepared.pages():
            lines = map("\t".join, zip(*map(text.column, page), strict=True))
            copy.write(end.join([*lines, ""]))


class _CopyFormat:
    """Converts values to the text format of COPY, as described in PostgreSQL's manual."""

    def __init__(self, connection: Any) -> None:
        from psycopg.adapt import PyFormat, Transformer  # noqa: PLC0415 - optional on SQLite

        self._dumpers, self._format = Transformer(connection.connection), PyFormat.TEXT
        self._text = lru_cache(maxsize=None, typed=True)(self._convert)  # typed: 1 == True

    def column(self, values: Column) -> Column:
        """Return the texts of a column.

        Searches the whole column at once, because few values contain a character to escape.
        """
        types = set(map(type, values)) - {type(None)}
        if types == {str}:
            if not SPECIAL.search("".join(filter(None, values))):
                return [NULL if value is None else value for value in values]
            return [NULL if value is None else value.translate(ESCAPES) for value in values]
        return [NULL if value is None else self._text(value) for value in values]

    def _convert(self, value: Any) -> str:
        """Return psycopg's text for a value. Cached: a few values occur in many rows."""
        dumped = self._dumpers.get_dumper(value, self._format).dump(value)
        return bytes(dumped or b"").decode().translate(ESCAPES)


def _execute_many(connection: Any, table: str, prepared: _PreparedRows) -> None:
    """Insert several rows with each statement; see ROWS_PER_STATEMENT."""
    into = f"INSERT INTO {_table_with_columns(connection, table, prepared.names)} VALUES "  # noqa: S608 - quoted names of our own model
    marks = f"({', '.join(['%s'] * len(prepared.names))})"
    most = connection.ops.bulk_batch_size(prepared.names, prepared.rows)
    rows = ([*row, *prepared.same] for page in prepared.pages() for row in zip(*page, strict=True))
    statements = _split(rows, min(ROWS_PER_STATEMENT, most))
    with connection.cursor() as cursor:
        for number, of_one_length in groupby(statements, len):
            flat = (list(chain.from_iterable(values)) for values in of_one_length)
            cursor.executemany(into + ", ".join([marks] * number), flat)


def _split(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Yield the rows in lists of this size; the last one may be shorter."""
    while some := list(islice(rows, size)):
        yield some
