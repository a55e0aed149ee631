"""A lookup for long lists: `key__any_of=[...]` is `key__in=[...]` with one parameter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, ForeignObject, Lookup
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

# Whole numbers on PostgreSQL, which raises for an array with one that does not fit, where `in`
# finds nothing.
BITS = {"smallint": 16, "integer": 32, "bigint": 64}
# What an array's text cannot hold as it is, even between quotes.
ESCAPED = re.compile(r'["\\]')
# Types that compare the same without the length that their name ends with.
CUT_BY_A_CAST = {"varchar", "numeric"}


# Django's own Lookup is not generic at run time; only django-stubs-ext makes it so.
if TYPE_CHECKING:
    AnyLookup = Lookup[Any]
else:
    AnyLookup = Lookup


@ForeignObject.register_lookup
@Field.register_lookup
class AnyOf(AnyLookup):
    """Whether a column's value is one of a list. Nothing is in an empty list, nor is NULL in any.

    The list is an array on PostgreSQL and JSON on SQLite: to prepare, quote and parse a thousand
    parameters takes longer than to find the rows. What neither holds as it is goes as in `in`.
    Give a set where there are many values: Django looks into each of a list for expressions.
    """

    lookup_name = "any_of"

    def get_prep_lookup(self) -> list[Any]:
        """Prepare each value for the column."""
        prepare = self._field.get_prep_value
        return [prepare(value) for value in self.rhs]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:  # noqa: ARG002
        """Return the SQL of `in`."""
        return compiler.compile(In(self.lhs, self.rhs))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the comparison with an array. Raises EmptyResultSet (Django's) for an empty list.

        The array is of the column's type, so that the index serves, but without its length: a cast
        cuts longer texts to it, and rounds numbers.
        """
        column = self._field.rel_db_type(connection) or ""
        kind, _bracket, length = column.partition("(")
        if not kind or (length and kind not in CUT_BY_A_CAST):
            return self.as_sql(compiler, connection)
        sql, params, values = self._sides(compiler, connection)
        if kind in BITS:
            values = _held_in(BITS[kind], values)
        return f"{sql} = ANY(%s::{kind}[])", [*params, as_array(values)]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the search in a JSON list. Raises EmptyResultSet (Django's) for an empty list."""
        sql, params, values = self._sides(compiler, connection)
        if not all(type(value) in (int, str) for value in values):
            return self.as_sql(compiler, connection)
        return f"{sql} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(values)]  # noqa: S608

    @property
    def _field(self) -> Field[Any, Any]:
        """Return the field that prepares the values; a foreign key would delegate each one."""
        field: Field[Any, Any] = self.lhs.output_field
        while isinstance(field, ForeignKey):
            field = field.target_field
        return field

    def _sides(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Sequence[Any], list[Any]]:
        asked = [value for value in self.rhs if value is not None]
        if not asked:
            raise EmptyResultSet
        sql, params = self.process_lhs(compiler, connection)
        prepare = self._field.get_db_prep_value
        return sql, params, [prepare(value, connection, prepared=True) for value in asked]


def _held_in(bits: int, values: list[Any]) -> list[Any]:
    """Return the values without whole numbers that are too large for a column of so many bits.

    Raises EmptyResultSet where none is left.
    """
    end = 2 ** (bits - 1)
    if not (held := [v for v in values if not isinstance(v, int) or -end <= v < end]):
        raise EmptyResultSet
    return held


def as_array(values: list[Any]) -> str | list[Any]:
    """PostgreSQL's own text for an array of numbers or texts; the rest is for psycopg to write.

    psycopg looks for what is to be escaped in each text, which took longer than the query.
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str} and not ESCAPED.search("".join(values)):
        return '{"' + '","'.join(values) + '"}'
    return values
