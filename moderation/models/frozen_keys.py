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


class _FrozenKeys(models.Expression):
    """A subquery that reads the keys of a draft's objects from its batches, in SQL."""

    def __init__(self, removal: Removal, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.removal_id = removal.pk

    def _subquery(
        self, key: str, pairs: str, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        table = connection.ops.quote_name(RemovalBatch._meta.db_table)
        sql = f"(SELECT {key} FROM {table} source, {pairs} pair WHERE source.removal_id = %s)"  # noqa: S608
        return sql, (self.removal_id,)


class FrozenKeys(_FrozenKeys):
    """The keys of a draft's objects, for `pk__in=`.

    A selection of any size is one parameter. The caller must have checked `has_exact_keys` first.
    """

    def __init__(self, removal: Removal, model: type[models.Model]) -> None:
        super().__init__(removal, key_field(model))

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for SQLite. A UUID is stored there without hyphens."""
        key = "json_extract(pair.value, '$[0]')"
        if isinstance(self.output_field, models.UUIDField):
            key = f"replace({key}, '-', '')"
        return self._subquery(key, "json_each(source.frozen)", connection)

    def as_postgresql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for PostgreSQL, with the keys in the type of the column."""
        key = f"(pair.value->>0)::{self.output_field.rel_db_type(connection)}"
        return self._subquery(key, "jsonb_array_elements(source.frozen)", connection)


class KeptKeys(_FrozenKeys):
    """The keys of the objects that the moderator kept, in the same form as `FrozenKeys`."""

    def __init__(self, removal: Removal, model: type[models.Model]) -> None:
        super().__init__(removal, key_field(model))

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for SQLite. A UUID is stored there without hyphens."""
        is_uuid = isinstance(self.output_field, models.UUIDField)
        key = "replace(pair.value, '-', '')" if is_uuid else "pair.value"
        return self._subquery(key, "json_each(source.kept)", connection)

    def as_postgresql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for PostgreSQL, with the keys in the type of the column."""
        key = f"pair.value::{self.output_field.rel_db_type(connection)}"
        return self._subquery(key, "jsonb_array_elements_text(source.kept)", connection)


class FrozenTexts(_FrozenKeys):
    """The keys of a draft's objects as texts, for a column that stores any model's keys as text."""

    def __init__(self, removal: Removal) -> None:
        super().__init__(removal, models.TextField())

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for SQLite."""
        key = "CAST(json_extract(pair.value, '$[0]') AS TEXT)"
        return self._subquery(key, "json_each(source.frozen)", connection)

    def as_postgresql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the subquery for PostgreSQL."""
        return self._subquery("pair.value->>0", "jsonb_array_elements(source.frozen)", connection)


def batch_numbers(removal: Removal, keys: Iterable[Any]) -> dict[str, int]:
    """Return the batch number of each of these keys that is selected: {text: number}."""
    connection = connections[RemovalBatch.objects.db]
    texts = [str(key) for key in keys]
    table = connection.ops.quote_name(RemovalBatch._meta.db_table)
    if connection.vendor == "postgresql":
        key, pairs, wanted = "pair.value->>0", "jsonb_array_elements(source.frozen)", "= ANY(%s)"
        parameter: Any = texts
    else:
        key, pairs = "CAST(json_extract(pair.value, '$[0]') AS TEXT)", "json_each(source.frozen)"
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
