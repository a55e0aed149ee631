"""What the walk would tell of frozen batches, counted, digested and written inside PostgreSQL.

The walk brings each row's key and names to Python, which takes seconds for 50,000 posts; the
confirmation page and the comparison with the seal have less. Here one statement does it for any
number of frozen batches, from the keys where they stand. It serves where the cascade is a tree of
plain foreign keys; for the rest, and on SQLite, the walk does it. A test holds the two against each
other.

The statement is put together by hand, since the ORM joins no table to a list of keys. Nothing goes
into its text but names and labels of our own models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from moderation.cascade.preview import RECORD, UNIT
from moderation.cascade.relations import OnDelete
from moderation.cascade.tree import Branch, branches_of
from moderation.models import RemovalBatch
from moderation.registry import Registration
from moderation.registry.defaults import ODD_SLASHES
from moderation.registry.files import file_columns_of

# What each branch has of each object, and then of each batch. The digests are those of
# moderation.cascade.preview. An object that is gone falls out by the join with its table. That
# keys lie between the first and the last follows from the rest, and lets the planner read a range
# of the index instead of looking each key up: it cannot guess how many keys the JSON holds. A
# site's table may have any name that does not begin with ours; the statement uses aliases.
TOLD = """
WITH moderation_frozen AS MATERIALIZED (
  SELECT part.id AS batch, (pair->>0)::{key_type} AS key
  FROM {batches} part, jsonb_array_elements(part.frozen) pair
  WHERE part.id = ANY(%(parts)s)
){branches}, moderation_told AS (
  SELECT frozen.batch{columns},
    '[' || string_agg(
      '[' || to_json(frozen.key) || ',"'
      || md5(concat_ws(%(record)s, '{label}', frozen.key{lines})) || '"]',
      ',' ORDER BY frozen.key
    ) || ']' AS frozen
  FROM moderation_frozen frozen
  JOIN {objects} object ON {key} = frozen.key AND {key} {between}{joins}
  GROUP BY frozen.batch
)
"""
BETWEEN = "BETWEEN %(first)s::{key_type} AND %(last)s::{key_type}"
BRANCH = """, moderation_{name} AS (
  SELECT frozen.key{columns} FROM moderation_frozen frozen{path} GROUP BY frozen.key
)"""
JOIN = " LEFT JOIN moderation_{name} {name} ON {name}.key = frozen.key"
# One batch alone looks its objects up one by one. The planner, which takes a hundred keys of a
# million rows for none, would else read the whole branch again for each object.
JOIN_OF_ONE = """ LEFT JOIN LATERAL (
  SELECT 1{columns} FROM (SELECT frozen.key) frozen{path}
) {name} ON true"""
MOST_PAIRS = 50  # a function takes a hundred arguments
COMPARE = "SELECT batch, md5(frozen) FROM moderation_told"
FILL = """
UPDATE {batches} part SET
  frozen = told.frozen::jsonb, digest = md5(told.frozen), objects_total = objects,
  files_total = files, pictures_total = pictures,
  without_picture_total = without_picture, bytes_total = size,
  rows_by_model = cascade, updates_by_model = updates,
  blockers = jsonb_build_object('protected', protected, 'restricted', '{{}}'::jsonb)
FROM moderation_told told WHERE part.id = batch RETURNING batch, all_rows"""


def supports(model: type[models.Model], using: str) -> bool:
    """Return whether this module supports a model: on PostgreSQL, with a tree as its cascade."""
    return connections[using].vendor == "postgresql" and branches_of(model) is not None


def fill(
    model: type[models.Model], batches: Sequence[RemovalBatch], *, using: str
) -> dict[int, int]:
    """Write into frozen batches of one removal, in order, what is to be seen of their objects now.

    Gives {primary key of a batch: rows that would go with it}. A batch none of whose objects is
    there any more is left as it was, and out.
    """
    statement = _Statement(model, connections[using], len(batches))
    return _run(statement, statement.to_fill(), batches)


def digests_of(
    model: type[models.Model], batches: Sequence[RemovalBatch], *, using: str
) -> dict[int, str]:
    """Return the current digests of batches of one removal, in order: {primary key: digest}.

    A batch none of whose objects is there any more is left out.
    """
    statement = _Statement(model, connections[using], len(batches))
    return _run(statement, statement.to_compare(), batches)


def _run(statement: _Statement, text: str, batches: Sequence[RemovalBatch]) -> dict[int, Any]:
    values = {
        **statement.values,
        "record": RECORD,
        "unit": UNIT,
        "parts": [batch.pk for batch in batches],
        "first": batches[0].frozen[0][0],
        "last": batches[-1].frozen[-1][0],
    }
    with statement.connection.cursor() as cursor:
        cursor.execute(text, values)
        return dict(cursor.fetchall())


class _Statement:
    """The text of the statements about so many batches of one model."""

    def __init__(
        self, model: type[models.Model], connection: BaseDatabaseWrapper, batches: int
    ) -> None:
        self.model, self.connection, self.of_one = model, connection, batches == 1
        self.key_type = model._meta.pk.rel_db_type(connection)
        self.between = BETWEEN.format(key_type=self.key_type)
        tree = branches_of(model) or ()
        # The objects themselves are a branch only where they own files; else they are counted.
        found = [branch for branch in tree if branch.path or branch.owner]
        self.branches = {f"branch_{n}": branch for n, branch in enumerate(found)}
        self.owners = {name: each.owner for name, each in self.branches.items() if each.owner}
        # The names of defaults. They come from a site's models, so they are passed as parameters.
        self.values: dict[str, list[str]] = {}

    def to_compare(self) -> str:
        """Return the statement for digests. It does not read rows without files."""
        owning = {name: each for name, each in self.branches.items() if name in self.owners}
        return self._told(owning, columns="") + COMPARE

    def to_fill(self) -> str:
        """Return the statement that writes into the batches all that is seen of them."""
        columns = {
            "objects": "count(*)",
            "files": self._sum("files", self.owners),
            "pictures": self._sum("pictures", self.owners),
            "without_picture": f"count(*) FILTER (WHERE {self._pictures_of_one()} = 0)",
            "size": self._sum("size", self.owners),
            "all_rows": f"count(*) + {self._sum('rows', self._below(OnDelete.CASCADE))}",
            "cascade": self._by_kind(OnDelete.CASCADE, f"'{self.model._meta.label}', count(*)"),
            "updates": self._by_kind(OnDelete.UPDATE),
            "protected": self._by_kind(OnDelete.PROTECT),
        }
        told = self._told(self.branches, columns=_named(columns))
        return told + FILL.format(batches=self._table(RemovalBatch))

    def _told(self, branches: dict[str, Branch], *, columns: str) -> str:
        owners = sorted(self.owners, key=lambda name: self.branches[name].model._meta.label)
        rows = "".join(self._rows_of(name, branch) for name, branch in branches.items())
        joins = "".join(JOIN.format(name=name) for name in branches)
        return TOLD.format(
            batches=self._table(RemovalBatch),
            key_type=self.key_type,
            between=self.between,
            label=self.model._meta.label,
            objects=self._table(self.model),
            key=self._column(self.model, "pk", "object"),
            branches="" if self.of_one else rows,
            joins=rows if self.of_one else joins,
            lines="".join(f", {name}.lines" for name in owners),
            columns=columns,
        )

    def _rows_of(self, name: str, branch: Branch) -> str:
        """Return a branch's part of the statement: its rows and files, by object."""
        columns = {"rows": "count(*)"}
        if branch.owner:
            columns |= self._of_files(branch.owner)
        rows = JOIN_OF_ONE if self.of_one else BRANCH
        return rows.format(name=name, columns=_named(columns), path=self._path(branch))

    def _path(self, branch: Branch) -> str:
        """Return the joins from the keys to a branch's rows, which come to be called `line`."""
        steps = [(relation.model, relation.name) for relation in branch.path]
        steps = steps or [(self.model, "pk")]
        joins, before = "", "frozen.key"
        for number, (model, name) in enumerate(steps, 1):
            alias = "line" if number == len(steps) else f"step_{number}"
            own = self._column(model, name, alias)
            joins += f" JOIN {self._table(model)} {alias} ON {own} = {before}"
            joins += f" AND {own} {self.between}" if number == 1 else ""
            before = self._column(model, "pk", alias)
        return joins

    def _of_files(self, owner: Registration) -> dict[str, str]:
        """Return the lines as `line_of` writes them, in key order, and the counts of the files."""
        model, key = owner.model, self._column(owner.model, "pk", "line")
        columns = file_columns_of(owner)
        names = {name: self._own_name(model, name, never) for name, _, _, never in columns}
        texts = ", ".join(f"coalesce({column}, '')" for column in names.values())
        any_stored = " OR ".join(f"{column} <> ''" for column in names.values())
        files = {name: f"count(*) FILTER (WHERE {col} <> '')" for name, col in names.items()}
        with_picture = [count for name, count in files.items() if name != owner.thumbnail]
        size = owner.size_column and self._column(model, owner.size_column, "line")
        return {
            "lines": f"'{model._meta.label}' || %(record)s || string_agg("
            f"concat_ws(%(unit)s, {key}, {texts}), %(record)s ORDER BY {key}"
            f") FILTER (WHERE {any_stored})",
            "files": " + ".join(files.values()),
            "pictures": " + ".join(with_picture) or "0",
            "size": f"sum(greatest({size}, 0)){self._measured(owner)}" if size else "0",
        }

    def _own_name(self, model: type[models.Model], name: str, defaults: frozenset[str]) -> str:
        """Return SQL for the name in a file column, or '' if it is a default."""
        column = self._column(model, name, "line")
        if not defaults:
            return column
        return f"CASE WHEN {self._is_default(column, defaults)} THEN '' ELSE {column} END"

    def _is_default(self, column: str, defaults: frozenset[str]) -> str:
        parameter = f"defaults_{len(self.values)}"
        self.values[parameter] = sorted(defaults)
        plain = f"regexp_replace({column}, '{ODD_SLASHES}', '\\1', 'g')"
        return f"{plain} = ANY(%({parameter})s)"

    def _measured(self, owner: Registration) -> str:
        """Return SQL for the rows whose size counts; see `registry.files.measured_rows`."""
        for name, _attname, _alias, defaults in file_columns_of(owner):
            if name == owner.measured_field and defaults:
                column = self._column(owner.model, name, "line")
                return f" FILTER (WHERE ({self._is_default(column, defaults)}) IS NOT TRUE)"
        return ""

    def _below(self, on_delete: OnDelete) -> list[str]:
        branches = self.branches.items()
        return [name for name, each in branches if each.path and each.on_delete is on_delete]

    def _by_kind(self, on_delete: OnDelete, *pairs: str) -> str:
        """Rows by model label, as JSON; a model without any is left out."""
        kinds: dict[str, list[str]] = {}
        for name in self._below(on_delete):
            kinds.setdefault(self.branches[name].model._meta.label, []).append(name)
        counts = [f"'{kind}', nullif({self._sum('rows', kinds[kind])}, 0)" for kind in kinds]
        return f"jsonb_strip_nulls({_object([*pairs, *counts])})"

    def _sum(self, column: str, names: Iterable[str]) -> str:
        return " + ".join(f"coalesce(sum({name}.{column}), 0)" for name in names) or "0"

    def _pictures_of_one(self) -> str:
        return " + ".join(f"coalesce({name}.pictures, 0)" for name in self.owners) or "0"

    def _table(self, model: type[models.Model]) -> str:
        return self._quoted(model._meta.db_table)

    def _column(self, model: type[models.Model], name: str, alias: str) -> str:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        return f"{alias}.{self._quoted(field.column)}"

    def _quoted(self, name: str) -> str:
        """Return the quoted name of a table or column, with % escaped for parameters."""
        return self.connection.ops.quote_name(name).replace("%", "%%")


def _object(pairs: Sequence[str]) -> str:
    """Return a JSON object of pairs, which PostgreSQL builds of so many at once."""
    starts = range(0, len(pairs) or 1, MOST_PAIRS)
    return " || ".join(
        f"jsonb_build_object({', '.join(pairs[start : start + MOST_PAIRS])})" for start in starts
    )


def _named(columns: dict[str, str]) -> str:
    return "".join(f", {column} AS {name}" for name, column in columns.items())
