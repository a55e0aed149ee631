"""Queries for the keys frozen in waiting batches, which do not read the batches into memory.

All batches of a draft are waiting. Those of a confirmed removal wait until they are deleted.

The caller must have checked `has_exact_keys` for the model first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.keys import key_field
from moderation.db.lookups import as_array
from moderation.models.frozen_keys import FrozenKeys, FrozenTexts
from moderation.models.removal import Removal, RemovalBatch
from moderation.models.states import BatchState


class NotInRemovals(Func):
    """A condition for `filter()`: no waiting batch of certain removals contains the object.

    `removals` are the numbers of these removals.
    """

    def __init__(self, model: type[models.Model], removals: Iterable[int]) -> None:
        super().__init__(F("pk"), output_field=models.BooleanField())
        self.key_field, self.removals = key_field(model), tuple(removals)

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the condition for SQLite, which reads the keys once into a temporary index."""
        (lhs,) = self.source_expressions
        key, parameters = compiler.compile(lhs)
        frozen = FrozenKeys.key_on_sqlite
        if isinstance(self.key_field, models.UUIDField):  # stored without hyphens
            frozen = f"replace({frozen}, '-', '')"
        source, among = _batches(connection, self.removals)
        return f"{key} NOT IN (SELECT {frozen} FROM {source})", (*parameters, among)  # noqa: S608

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the condition for PostgreSQL, which reads the keys once into a hash table.

        It cannot estimate how many keys the JSON of the batches holds. Without the array, it might
        compare each object with each key.
        """
        (lhs,) = self.source_expressions
        key, parameters = compiler.compile(lhs)
        frozen = f"({FrozenKeys.key_on_postgresql})::{self.key_field.rel_db_type(connection)}"
        source, among = _batches(connection, self.removals)
        keys = f"SELECT unnest(ARRAY(SELECT {frozen} FROM {source}))"  # noqa: S608 - our own names
        return f"{key} NOT IN ({keys})", (*parameters, among)


def removals_by_key(
    model: type[models.Model], keys: Collection[Any], removals: Iterable[int]
) -> dict[Any, set[int]]:
    """Return which of these removals contain each of the keys: {key: numbers}. Runs one query.

    The keys of a batch are in order. If they are integers, only batches that can contain one of the
    given keys are read in full.
    """
    keys_by_text = {str(key): key for key in keys}
    connection = connections[RemovalBatch.objects.db]
    source, among = _batches(connection, removals)
    text, (one_of, wanted) = _text(connection), _one_of(connection, "text", list(keys_by_text))
    sql = f"SELECT {text}, source.removal_id FROM {source} AND {text} {one_of}"  # noqa: S608
    parameters = [among, wanted]
    if isinstance(key_field(model), models.IntegerField):
        sql = f"{sql} AND {_ends_include(connection)}"
        parameters += [max(keys), min(keys)]
    found: dict[Any, set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        for key, number in cursor.fetchall():
            found[keys_by_text[key]].add(number)
    return found


def shared_with_removals(draft: Removal, removals: Iterable[int]) -> dict[int, int]:
    """Return how many objects each of these removals shares with a draft: {number: objects}."""
    connection = connections[RemovalBatch.objects.db]
    source, among = _batches(connection, removals)
    keys: Any = FrozenTexts(draft)
    is_postgresql = connection.vendor == "postgresql"
    compile_keys = keys.as_postgresql if is_postgresql else keys.as_sql
    own, parameters = compile_keys(None, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT source.removal_id, COUNT(*) FROM {source} "  # noqa: S608 - our own names
            f"AND {_text(connection)} IN {own} GROUP BY source.removal_id",
            [among, *parameters],
        )
        return dict(cursor.fetchall())


def _batches(connection: BaseDatabaseWrapper, removals: Iterable[int]) -> tuple[str, Any]:
    """Return the FROM and WHERE clauses for the keys of removals, and their parameter."""
    table = connection.ops.quote_name(RemovalBatch._meta.db_table)
    elements = "jsonb_array_elements" if connection.vendor == "postgresql" else "json_each"
    one_of, numbers = _one_of(connection, "bigint", list(removals))
    pairs = f"{elements}(source.frozen) pair"
    waiting = f"source.state = '{BatchState.WAITING}'"  # a literal, so that the index is used
    where = f"source.removal_id {one_of} AND {waiting}"
    return f"{table} source, {pairs} WHERE {where}", numbers


def _one_of(connection: BaseDatabaseWrapper, data_type: str, values: list[Any]) -> tuple[str, Any]:
    """Return the SQL comparison with a list, passed as one parameter, and that parameter."""
    if connection.vendor == "postgresql":
        return f"= ANY(%s::{data_type}[])", as_array(values)
    return "IN (SELECT value FROM json_each(%s))", json.dumps(values)


def _text(connection: BaseDatabaseWrapper) -> str:
    """Return the SQL for the key of a pair, as text."""
    is_postgresql = connection.vendor == "postgresql"
    return FrozenTexts.key_on_postgresql if is_postgresql else FrozenTexts.key_on_sqlite


def _ends_include(connection: BaseDatabaseWrapper) -> str:
    """Return the SQL condition that a batch may contain integers in a range.

    Its parameters are the largest and then the smallest integer. PostgreSQL compares them as JSON,
    because it may evaluate this condition first, for batches with keys of any type, which cannot
    all be cast to integers.
    """
    if connection.vendor == "postgresql":
        return (
            "source.frozen->0->0 <= to_jsonb(%s::bigint) "
            "AND source.frozen->-1->0 >= to_jsonb(%s::bigint)"
        )
    first, last = "json_extract(source.frozen, '$[0][0]')", "'$[#-1][0]'"
    return f"{first} <= %s AND json_extract(source.frozen, {last}) >= %s"
