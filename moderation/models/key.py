"""A column for storage keys of any length, indexed on both engines.

A row of a PostgreSQL index holds at most a third of a page, some 2,700 bytes, and a key may be
longer: 1,024 characters of Hangul are 3,072 bytes. So the index contains only the beginning of the
key, and each lookup compares both the beginning and the whole key.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.lookups import Exact, StartsWith
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.lookups import AnyOf, as_array

# Characters of a key in PostgreSQL's index: at most 2,400 bytes, less than the limit of 2,704.
INDEXED_CHARACTERS = 600


class KeyIndex(models.Index):
    """An index on one text column of any length, for exact and prefix searches.

    The operator class lets PostgreSQL search by prefix with any collation. SQLite does not limit
    the rows of an index, and compares code points.
    """

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        """Return the SQL statement; on PostgreSQL it indexes the beginning of the key."""
        statement = super().create_sql(model, schema_editor, using, **kwargs)
        if schema_editor.connection.vendor == "postgresql":
            field: Any = model._meta.get_field(self.fields[0])
            column = schema_editor.quote_name(field.column)
            parts: dict[str, Any] = statement.parts
            parts["columns"] = f"left({column}, {INDEXED_CHARACTERS}) text_pattern_ops"
        return statement


class KeyField(models.TextField):  # type: ignore[type-arg] # not in Django itself
    """A storage key. Its lookups use the KeyIndex."""


@KeyField.register_lookup
class KeyExact(Exact):
    """The lookup `exact`."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Compare the beginning of the key, and the whole key if it is longer."""
        sql, params = super().as_sql(compiler, connection)
        if not isinstance(self.rhs, str):
            return sql, params
        key, key_params = self.process_lhs(compiler, connection)
        prefix = f"left({key}, {INDEXED_CHARACTERS}) = %s"
        return _both(
            (prefix, [*key_params, self.rhs[:INDEXED_CHARACTERS]]), (sql, params), [self.rhs]
        )


@KeyField.register_lookup
class KeyAnyOf(AnyOf):
    """The lookup `any_of`."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Compare the prefixes of the keys, and the whole keys if one is longer."""
        keys = [key for key in self.rhs if key is not None]
        whole = super().as_postgresql(compiler, connection)  # raises if there are no keys
        key, key_params = self.process_lhs(compiler, connection)
        prefixes = as_array(list({text[:INDEXED_CHARACTERS] for text in keys}))
        prefix = f"left({key}, {INDEXED_CHARACTERS}) = ANY(%s::text[])"
        return _both((prefix, [*key_params, prefixes]), whole, keys)


@KeyField.register_lookup
class KeyStartsWith(StartsWith):
    """The lookup `startswith`."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Compare the beginning of the key, and the whole key if it is longer."""
        sql, params = super().as_sql(compiler, connection)
        if not isinstance(self.rhs, str):
            return sql, params
        key, key_params = self.process_lhs(compiler, connection)
        pattern = connection.ops.prep_for_like_query(self.rhs[:INDEXED_CHARACTERS]) + "%"
        prefix = f"left({key}, {INDEXED_CHARACTERS}) LIKE %s"
        return _both((prefix, [*key_params, pattern]), (sql, params), [self.rhs])


def _both(prefix: Any, whole: Any, keys: list[str]) -> Any:
    """Return both conditions, or only the first if every key fits into the index."""
    if all(len(key) < INDEXED_CHARACTERS for key in keys):
        return prefix
    return f"({prefix[0]} AND {whole[0]})", [*prefix[1], *whole[1]]
