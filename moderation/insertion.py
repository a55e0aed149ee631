"""Inserting many rows at once, by the quickest way that the database has.

Django's `bulk_create` assumes 999 variables a statement on SQLite, which is 24 audit entries, and
makes an instance, asks each field about each value, and writes a long statement for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

Prepare = Callable[[Any], Any]

# Rows of a COPY that are put together at once: a megabyte or so.
ROWS_A_WRITE = 2_000
SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


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
    connection = connections[using]
    rows = list(rows)
    fields = _columns_to_write(model, rows, same or {})
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    into = f"{quoted(model._meta.db_table)} ({columns})"
    prepared = _Prepared(fields, same or {}, connection)
    write = _copy if connection.vendor == "postgresql" else _execute_many
    write(connection, into, prepared, rows)


def _columns_to_write(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
) -> list[models.Field[Any, Any]]:
    """The fields but those that are NULL in every row: the database need not be told of these."""
    told = set(same).union(*rows)
    return [
        f
        for f in model._meta.local_concrete_fields
        if not f.primary_key and (f.attname in told or f.get_default() is not None)
    ]


class _Prepared:
    """What all rows have in common, as the database takes it, and how the rest is prepared.

    To ask each field about each value took half of the time of a deletion. Rows repeat a few values
    (the storage's identity) many times.
    """

    def __init__(
        self,
        fields: Sequence[models.Field[Any, Any]],
        same: Mapping[str, Any],
        connection: BaseDatabaseWrapper,
    ) -> None:
        given = ((f, same[f.attname] if f.attname in same else f.get_default()) for f in fields)
        self.common = [f.get_db_prep_save(value, connection) for f, value in given]
        self.places = {f.attname: (n, _preparation(f, connection)) for n, f in enumerate(fields)}

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """All values of a row, in the order of the columns."""
        values = self.common.copy()
        for name, value in row.items():
            place, prepare = self.places[name]
            values[place] = value if prepare is None or value is None else prepare(value)
        return values


def _preparation(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Prepare | None:
    """How the database wants a field's values; None where it takes them as they are."""
    if isinstance(field, models.CharField | models.TextField | models.IntegerField):
        return None
    if isinstance(field, models.JSONField):  # its values are no keys
        return lambda value: field.get_db_prep_save(value, connection)
    return cache(lambda value: field.get_db_prep_save(value, connection))


def _copy(
    connection: Any, into: str, prepared: _Prepared, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write rows by COPY, in its text format.

    The lines are put together here: psycopg's `write_row` looks at each of the 30 values of a row,
    of which half are the same in all, and took as long as the server for the row with its indexes.
    """
    connection.ensure_connection()
    lines = _Lines(connection, prepared)
    # All of them first: while COPY runs, the connection takes no query that a row may need.
    texts = [
        "".join(map(lines.line, rows[start : start + ROWS_A_WRITE]))
        for start in range(0, len(rows), ROWS_A_WRITE)
    ]
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {into} FROM STDIN") as copy,
    ):
        for text in texts:
            copy.write(text)


class _Lines:
    """Rows as the text format of COPY has them, see PostgreSQL's manual."""

    def __init__(self, connection: Any, prepared: _Prepared) -> None:
        from psycopg.adapt import PyFormat, Transformer  # a site on SQLite need not have it

        self._dumpers, self._format = Transformer(connection.connection), PyFormat.TEXT
        self._known: dict[tuple[type, Any], str] = {}
        self._places = prepared.places
        self._common = [self._text(value) for value in prepared.common]

    def line(self, row: Mapping[str, Any]) -> str:
        """One row, with its line break."""
        texts = self._common.copy()
        # One look for all: hardly any value has something to escape.
        odd = SPECIAL.search("".join([value for value in row.values() if type(value) is str]))
        for name, value in row.items():
            place, prepare = self._places[name]
            if type(value) is str and prepare is None and not odd:
                texts[place] = value
            else:
                texts[place] = self._text(
                    prepare(value) if prepare and value is not None else value
                )
        return "\t".join(texts) + "\n"

    def _text(self, value: Any) -> str:
        if value is None:
            return "\\N"
        text = value if type(value) is str else self._dumped(value)
        return text.translate(ESCAPES)

    def _dumped(self, value: Any) -> str:
        """What psycopg makes of a value; rows repeat a few of them, such as the time."""
        known = self._known.get((type(value), value))
        if known is None:
            dumped = self._dumpers.get_dumper(value, self._format).dump(value)
            known = self._known[type(value), value] = bytes(dumped or b"").decode()
        return known


def _execute_many(
    connection: Any, into: str, prepared: _Prepared, rows: Sequence[Mapping[str, Any]]
) -> None:
    marks = ", ".join(["%s"] * len(prepared.common))
    statement = f"INSERT INTO {into} VALUES ({marks})"  # noqa: S608 - quoted names of our own model
    with connection.cursor() as cursor:
        cursor.executemany(statement, [prepared.values(row) for row in rows])
