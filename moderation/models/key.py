"""A storage key as a column: of any length, and found by an index on both engines.

PostgreSQL puts no more than a third of a page, some 2,700 bytes, into a row of an index, and a key
may be longer: 1,024 characters of Hangul are 3,072 bytes. So its index has the beginning of the key
only, and each look-up asks for the beginning and for the whole.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.lookups import Exact, StartsWith
from django.db.models.sql.compiler import SQLCompiler

from moderation.lookups import AnyOf, as_array

# Characters in PostgreSQL's index: of four bytes each they take 2,400, below the 2,704 of an entry.
INDEXED = 600


class KeyIndex(models.Index):
    """An index on one text column of any length, for whole values and for their beginnings.

    The operator class lets PostgreSQL find the beginning of a key whatever the collation. SQLite's
    rows of an index have no limit, and its comparison goes by code points.
    """

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        """Return the statement: on PostgreSQL an index of the first INDEXED characters."""
        statement = super().create_sql(model, schema_editor, using, **kwargs)
        if schema_editor.connection.vendor == "postgresql":
            field: Any = model._meta.get_field(self.fields[0])
            column = schema_editor.quote_name(field.column)
            parts: dict[str, Any] = statement.parts
            parts["columns"] = f"left({column}, {INDEXED}) text_pattern_ops"
        return statement


class KeyField(models.TextField):  # type: ignore[type-arg] # not in Django itself
    """A storage key. Compared with a text, it is looked for by the KeyIndex."""


@KeyField.register_lookup
class KeyIs(Exact):
    """The key that is a text."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the comparison of the beginning, and of the whole where that is longer."""
        sql, params = super().as_sql(compiler, connection)
        if not isinstance(self.rhs, str):
            return sql, params
        key, key_params = self.process_lhs(compiler, connection)
        begins = f"left({key}, {INDEXED}) = %s"
        return _both((begins, [*key_params, self.rhs[:INDEXED]]), (sql, params), [self.rhs])


@KeyField.register_lookup
class KeyIsAnyOf(AnyOf):
    """The keys that are in a list."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the comparison of the beginnings, and of the whole where one is longer."""
        keys = [key for key in self.rhs if key is not None]
        whole = super().as_postgresql(compiler, connection)  # raises where there is no key
        key, key_params = self.process_lhs(compiler, connection)
        beginnings = as_array(list({text[:INDEXED] for text in keys}))
        begins = f"left({key}, {INDEXED}) = ANY(%s::text[])"
        return _both((begins, [*key_params, beginnings]), whole, keys)


@KeyField.register_lookup
class KeyBegins(StartsWith):
    """The keys that begin with a text."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return the comparison of the beginning, and of the whole where that is longer."""
        sql, params = super().as_sql(compiler, connection)
        if not isinstance(self.rhs, str):
            return sql, params
        key, key_params = self.process_lhs(compiler, connection)
        pattern = connection.ops.prep_for_like_query(self.rhs[:INDEXED]) + "%"
        begins = f"left({key}, {INDEXED}) LIKE %s"
        return _both((begins, [*key_params, pattern]), (sql, params), [self.rhs])


def _both(begins: Any, whole: Any, keys: list[str]) -> Any:
    """Both conditions; the first alone where it says all, since no key reaches beyond the index."""
    if all(len(key) < INDEXED for key in keys):
        return begins
    return f"({begins[0]} AND {whole[0]})", [*begins[1], *whole[1]]
