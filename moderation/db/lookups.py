"""A lookup for long lists: `key__any_of=[...]` is `key__in=[...]` with one parameter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignObject, Lookup
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.keys import referenced_field

# The sizes of PostgreSQL's integer types. A number that is too large for the type of an array is an
# error, whereas `in` finds nothing.
BITS = {"smallint": 16, "integer": 32, "bigint": 64}
# Characters that must be escaped in an array's text, even between quotes.
ESCAPED = re.compile(r'["\\]')
# Types whose comparisons do not depend on the length that may follow their name.
TYPES_WITH_LENGTH = {"varchar", "numeric"}


# Django's own Lookup is not generic at run time; only django-stubs-ext makes it so.
if TYPE_CHECKING:
    AnyLookup = Lookup[Any]
else:
    AnyLookup = Lookup


@ForeignObject.register_lookup
@Field.register_lookup
class AnyOf(AnyLookup):
    """The lookup `any_of`: the value is in a list. Like `in`, never matches NULL.

    The list is an array on PostgreSQL and JSON on SQLite: preparing, quoting and parsing a thousand
    parameters takes longer than finding the rows. If these cannot represent the column's type, the
    lookup is compiled like `in`. Pass a set if there are many values, because Django searches a
    list for expressions.
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

        The array has the column's type, so that the index is used, but not its length: a cast would
        truncate longer texts and round numbers.
        """
        column = self._field.rel_db_type(connection) or ""
        base_type, _bracket, length = column.partition("(")
        if not base_type or (length and base_type not in TYPES_WITH_LENGTH):
            return self.as_sql(compiler, connection)
        sql, params, values = self._compile_sides(compiler, connection)
        if base_type in BITS:
            values = _within_range(BITS[base_type], values)
        return f"{sql} = ANY(%s::{base_type}[])", [*params, as_array(values)]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the search in a JSON list. Raises EmptyResultSet (Django's) for an empty list."""
        sql, params, values = self._compile_sides(compiler, connection)
        if not all(type(value) in (int, str) for value in values):
            return self.as_sql(compiler, connection)
        return f"{sql} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(values)]  # noqa: S608

    @property
    def _field(self) -> Field[Any, Any]:
        """Return the field that prepares the values; a foreign key would delegate each one."""
        return referenced_field(self.lhs.output_field)

    def _compile_sides(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Sequence[Any], list[Any]]:
        values = [value for value in self.rhs if value is not None]
        if not values:
            raise EmptyResultSet
        sql, params = self.process_lhs(compiler, connection)
        prepare = self._field.get_db_prep_value
        return sql, params, [prepare(value, connection, prepared=True) for value in values]


def _within_range(bits: int, values: list[Any]) -> list[Any]:
    """Return the values without integers that are too large for a column with this many bits.

    Raises EmptyResultSet if none remains.
    """
    end = 2 ** (bits - 1)
    if not (within := [v for v in values if not isinstance(v, int) or -end <= v < end]):
        raise EmptyResultSet
    return within


def as_array(values: list[Any]) -> str | list[Any]:
    """Return PostgreSQL's text for an array of integers or texts, or the list for psycopg.

    psycopg searches each text for characters to escape, which took longer than the query.
    """
    types = set(map(type, values))
    if types == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if types == {str} and not ESCAPED.search("".join(values)):
        return '{"' + '","'.join(values) + '"}'
    return values
