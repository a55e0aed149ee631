"""The frozen keys of a draft as a subquery, so that the database can join its objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.keys import key_field
from moderation.models.removal import Removal, RemovalBatch

# Keys with the same text in the JSON of a batch and in the column. A subclass of these fields may
# store another value than its `to_python` returns, so only Django's own classes count.
INTEGERS = (models.SmallIntegerField, models.IntegerField, models.BigIntegerField)
AUTOMATIC = (models.SmallAutoField, models.AutoField, models.BigAutoField)
TEXTS = (models.CharField, models.SlugField, models.TextField)
EXACT_KEYS = {*INTEGERS, *AUTOMATIC, *TEXTS, models.UUIDField}


class _KeysInBatches(models.Expression):
    """A subquery that reads keys of a draft's objects from its batches, in SQL.

    A subclass names the column of a batch that has a list, and the key in an element of the list.
    Without a model, the keys are texts.
    """

    column = "frozen"
    key_on_sqlite = "json_extract(pair.value, '$[0]')"
    key_on_postgresql = "pair.value->>0"

    def __init__(self, removal: Removal, model: type[models.Model] | None = None) -> None:
        super().__init__(output_field=key_field(model) if model else models.TextField())
        self.removal_id = removal.pk

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for SQLite. A UUID is stored there without hyphens."""
        key = self.key_on_sqlite
        if isinstance(self.output_field, models.UUIDField):
            key = f"replace({key}, '-', '')"
        return self._subquery(key, f"json_each(source.{self.column})", connection)

    def as_postgresql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for PostgreSQL, with the keys in the type of the column."""
        key = f"({self.key_on_postgresql})::{self.output_field.rel_db_type(connection)}"
        return self._subquery(key, f"jsonb_array_elements(source.{self.column})", connection)

    def _subquery(
        self, key: str, pairs: str, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        table = connection.ops.quote_name(RemovalBatch._meta.db_table)
        sql = f"(SELECT {key} FROM {table} source, {pairs} pair WHERE source.removal_id = %s)"  # noqa: S608
        return sql, (self.removal_id,)


class FrozenKeys(_KeysInBatches):
    """The keys of a draft's objects, for `pk__in=`.

    A selection of any size is one parameter. The caller must have checked `has_exact_keys` first.
    """


class KeptKeys(_KeysInBatches):
    """The keys of the objects that the moderator kept, in the same form as `FrozenKeys`."""

    column = "kept"
    key_on_sqlite = "pair.value"
    key_on_postgresql = "pair.value #>> '{}'"  # the text of an element that is not a list


class FrozenTexts(_KeysInBatches):
    """The keys of a draft's objects as texts, for a column that stores any model's keys as text."""

    key_on_sqlite = f"CAST({_KeysInBatches.key_on_sqlite} AS TEXT)"


def batch_numbers(removal: Removal, keys: Iterable[Any]) -> dict[str, int]:
    """Return the batch number of each of these keys that is selected: {text: number}.

    Runs one query, or none without keys.
    """
    connection = connections[RemovalBatch.objects.db]
    if not (texts := [str(key) for key in keys]):
        return {}
    parameter: Any
    table = connection.ops.quote_name(RemovalBatch._meta.db_table)
    if connection.vendor == "postgresql":
        key, pairs = FrozenTexts.key_on_postgresql, "jsonb_array_elements(source.frozen)"
        wanted, parameter = "= ANY(%s)", texts
    else:
        key, pairs = FrozenTexts.key_on_sqlite, "json_each(source.frozen)"
        wanted, parameter = "IN (SELECT value FROM json_each(%s))", json.dumps(texts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, source.number FROM {table} source, {pairs} pair "  # noqa: S608
            f"WHERE source.removal_id = %s AND {key} {wanted}",
            [removal.pk, parameter],
        )
        return dict(cursor.fetchall())


def has_exact_keys(model: type[models.Model]) -> bool:
    """Return whether SQL can compare a model's keys with those that are frozen in JSON."""
    return type(key_field(model)) in EXACT_KEYS
