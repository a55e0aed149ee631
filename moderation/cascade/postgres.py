"""Compute the preview and the digests of frozen batches inside PostgreSQL, as the walk would.

The walk brings each row's key and names to Python. For 50,000 posts, that takes seconds, which is
too long for the confirmation page and for the comparison with the seal. Here one statement does it
for any number of frozen batches, and reads the keys where they are stored. This works if the
cascade is a tree of plain foreign keys and of generic relations; in other cases, and on SQLite, the
walk is used. A test compares the two.

The statement is built by hand, because the ORM cannot join a table to a list of keys. Its text
contains only names and labels of models; everything else is passed as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from moderation.cascade.preview import RECORD, UNIT
from moderation.cascade.relations import OnDelete, Relation, content_type_key
from moderation.cascade.statements import (
    BETWEEN,
    BRANCH,
    FINGERPRINT,
    JOIN,
    LATERAL_JOIN,
    SELECT_DIGESTS,
    SUMMARY_CTE,
    UPDATE_BATCHES,
)
from moderation.cascade.tree import Branch, branches_of, holds_text
from moderation.models import RemovalBatch
from moderation.registry import Registration
from moderation.registry.defaults import ODD_SLASHES
from moderation.registry.files import file_columns_of

MAX_PAIRS = 50  # a function takes at most a hundred arguments


def supports(model: type[models.Model], using: str) -> bool:
    """Return whether this module supports a model: on PostgreSQL, with a cascade that is a tree."""
    return connections[using].vendor == "postgresql" and branches_of(model) is not None


def fill(
    model: type[models.Model], batches: Sequence[RemovalBatch], *, using: str
) -> dict[int, int]:
    """Fill frozen batches of one removal, in order, with the current preview, and save them.

    Return {primary key of a batch: rows that its deletion would delete}. A batch whose objects no
    longer exist is neither changed nor returned.
    """
    statement = _Statement(model, connections[using], len(batches))
    return _run(statement, statement.to_fill(), batches)


def digests_of(
    model: type[models.Model], batches: Sequence[RemovalBatch], *, using: str
) -> dict[int, str]:
    """Return the current digests of batches of one removal, in order: {primary key: digest}.

    A batch whose objects no longer exist is left out.
    """
    statement = _Statement(model, connections[using], len(batches))
    return _run(statement, statement.to_compare(), batches)


def _run(statement: _Statement, text: str, batches: Sequence[RemovalBatch]) -> dict[int, Any]:
    values = {
        **statement.values,
        "record": RECORD,
        "unit": UNIT,
        "batches": [batch.pk for batch in batches],
        "first": batches[0].frozen[0][0],
        "last": batches[-1].frozen[-1][0],
    }
    with statement.connection.cursor() as cursor:
        cursor.execute(text, values)
        return dict(cursor.fetchall())


class _Statement:
    """Builds the statements for a number of batches of one model."""

    def __init__(
        self, model: type[models.Model], connection: BaseDatabaseWrapper, batches: int
    ) -> None:
        self.model, self.connection, self.is_single = model, connection, batches == 1
        self.key_type = model._meta.pk.rel_db_type(connection)
        self.between = BETWEEN.format(key_type=self.key_type)
        tree = branches_of(model) or ()
        # The objects themselves are a branch only if they own files; otherwise they are counted.
        found = [branch for branch in tree if branch.path or branch.owner]
        self.branches = {f"branch_{n}": branch for n, branch in enumerate(found)}
        by_label = sorted(self.branches.items(), key=lambda pair: pair[1].model._meta.label)
        self.owners = {name: each.owner for name, each in by_label if each.owner}
        # Parameters: content types, and names of default files, which come from a site's models.
        self.values: dict[str, Any] = {}

    def to_compare(self) -> str:
        """Return the statement that selects the digests. It joins only models with files."""
        owning = {name: each for name, each in self.branches.items() if name in self.owners}
        return self._summary(owning, columns="") + SELECT_DIGESTS

    def to_fill(self) -> str:
        """Return the statement that updates the batches with their preview."""
        columns = {
            "objects": "count(*)",
            "files": self._sum("files", self.owners),
            "pictures": self._sum("pictures", self.owners),
            "without_picture": f"count(*) FILTER (WHERE {self._pictures_of_object()} = 0)",
            "size": self._sum("size", self.owners),
            "all_rows": f"count(*) + {self._sum('rows', self._below(OnDelete.CASCADE))}",
            "cascade": self._by_model(OnDelete.CASCADE, f"'{self.model._meta.label}', count(*)"),
            "updates": self._by_model(OnDelete.UPDATE),
            "protected": self._by_model(OnDelete.PROTECT),
            "fingerprints": self._fingerprints(),
        }
        summary = self._summary(self.branches, columns=_aliased(columns))
        return summary + UPDATE_BATCHES.format(batches=self._table(RemovalBatch))

    def _fingerprints(self) -> str:
        """Return SQL for the fingerprints of each object that has pictures, as JSON."""
        joined = ", ".join(f"{name}.fingerprints" for name in self.owners)
        if not joined:
            return "'{}'::jsonb"
        return (
            f"coalesce(jsonb_object_agg(frozen.key, concat({joined}))"
            f" FILTER (WHERE {self._pictures_of_object()} > 0), '{{}}')"
        )

    def _summary(self, branches: dict[str, Branch], *, columns: str) -> str:
        rows = "".join(self._rows_of(name, branch) for name, branch in branches.items())
        joins = "".join(JOIN.format(name=name) for name in branches)
        return SUMMARY_CTE.format(
            batches=self._table(RemovalBatch),
            key_type=self.key_type,
            between=self.between,
            label=self.model._meta.label,
            objects=self._table(self.model),
            key=self._column(self.model, "pk", "object"),
            branches="" if self.is_single else rows,
            joins=rows if self.is_single else joins,
            lines="".join(f", {name}.lines" for name in self.owners),
            columns=columns,
        )

    def _rows_of(self, name: str, branch: Branch) -> str:
        """Return SQL for the rows and files of a branch, by object."""
        columns = {"rows": "count(*)"}
        if branch.owner:
            columns |= self._file_columns(branch.owner)
        rows = LATERAL_JOIN if self.is_single else BRANCH
        return rows.format(name=name, columns=_aliased(columns), path=self._path(branch))

    def _path(self, branch: Branch) -> str:
        """Return the joins from the keys to a branch's rows, which get the alias `line`."""
        if not branch.path:
            key = self._column(self.model, "pk", "line")
            return f" JOIN {self._table(self.model)} line ON {self._equals(key, 'frozen.key')}"
        joins, referenced = "", "frozen.key"
        for number, relation in enumerate(branch.path, 1):
            alias = "line" if number == len(branch.path) else f"via_{number}"
            condition = self._refers_to(referenced, relation, alias)
            joins += f" JOIN {self._table(relation.model)} {alias} ON {condition}"
            referenced = self._column(relation.model, "pk", alias)
        return joins

    def _refers_to(self, referenced: str, relation: Relation, alias: str) -> str:
        """Return the condition that a row refers to a key through a relation."""
        column = self._column(relation.model, relation.column, alias)
        if relation.content_type_model is None:
            return self._equals(column, referenced)
        type_column = self._column(relation.model, relation.content_type_column, alias)
        content_type = content_type_key(relation.content_type_model, self.connection.alias)
        has_type = f"{type_column} = {self._parameter(content_type)}"
        if holds_text(relation):  # in rows of other content types, the text need not be a key
            return f"{has_type} AND {column} = {referenced}::text"
        return f"{has_type} AND {self._equals(column, referenced)}"

    def _equals(self, column: str, referenced: str) -> str:
        """Return the condition that a column holds a key."""
        between = f" AND {column} {self.between}" if referenced == "frozen.key" else ""
        return f"{column} = {referenced}{between}"

    def _file_columns(self, owner: Registration) -> dict[str, str]:
        """Return SQL for the lines that `line_of` builds, in key order, and for the file counts."""
        model, key = owner.model, self._column(owner.model, "pk", "line")
        columns = file_columns_of(owner)
        names = {name: self._file_name(model, name, defaults) for name, _, _, defaults in columns}
        texts = ", ".join(f"coalesce({column}, '')" for column in names.values())
        any_stored = " OR ".join(f"{column} <> ''" for column in names.values())
        files = {name: f"count(*) FILTER (WHERE {col} <> '')" for name, col in names.items()}
        pictures = [name for name in names if name != owner.thumbnail]
        fingerprints = ", ".join(FINGERPRINT.format(name=names[name]) for name in pictures)
        size = owner.size_column and self._column(model, owner.size_column, "line")
        return {
            "lines": f"'{model._meta.label}' || %(record)s || string_agg("
            f"concat_ws(%(unit)s, {key}, {texts}), %(record)s ORDER BY {key}"
            f") FILTER (WHERE {any_stored})",
            "files": " + ".join(files.values()),
            "pictures": " + ".join(files[name] for name in pictures) or "0",
            "fingerprints": f"string_agg(concat({fingerprints or 'NULL'}), '' ORDER BY {key})",
            "size": f"sum(greatest({size}, 0)){self._measured(owner)}" if size else "0",
        }

    def _file_name(self, model: type[models.Model], name: str, defaults: frozenset[str]) -> str:
        """Return SQL for the name in a file column, or '' if it is a default."""
        column = self._column(model, name, "line")
        if not defaults:
            return column
        return f"CASE WHEN {self._is_default(column, defaults)} THEN '' ELSE {column} END"

    def _is_default(self, column: str, defaults: frozenset[str]) -> str:
        normalized = f"regexp_replace({column}, '{ODD_SLASHES}', '\\1', 'g')"
        return f"{normalized} = ANY({self._parameter(sorted(defaults))})"

    def _parameter(self, value: Any) -> str:
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def _measured(self, owner: Registration) -> str:
        """Return SQL to select rows whose size counts; see `registry.files.measured_rows`."""
        for name, _attname, _alias, defaults in file_columns_of(owner):
            if name == owner.measured_field and defaults:
                column = self._column(owner.model, name, "line")
                return f" FILTER (WHERE ({self._is_default(column, defaults)}) IS NOT TRUE)"
        return ""

    def _below(self, on_delete: OnDelete) -> list[str]:
        branches = self.branches.items()
        return [name for name, each in branches if each.path and each.on_delete is on_delete]

    def _by_model(self, on_delete: OnDelete, *pairs: str) -> str:
        """Return SQL for the number of rows by model label, as JSON, without models that have none.

        `pairs` are further labels and numbers.
        """
        names: dict[str, list[str]] = {}
        for name in self._below(on_delete):
            names.setdefault(self.branches[name].model._meta.label, []).append(name)
        counts = [f"'{label}', nullif({self._sum('rows', names[label])}, 0)" for label in names]
        return f"jsonb_strip_nulls({_json_object([*pairs, *counts])})"

    def _sum(self, column: str, names: Iterable[str]) -> str:
        return " + ".join(f"coalesce(sum({name}.{column}), 0)" for name in names) or "0"

    def _pictures_of_object(self) -> str:
        return " + ".join(f"coalesce({name}.pictures, 0)" for name in self.owners) or "0"

    def _table(self, model: type[models.Model]) -> str:
        return self._quoted(model._meta.db_table)

    def _column(self, model: type[models.Model], name: str, alias: str) -> str:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        return f"{alias}.{self._quoted(field.column)}"

    def _quoted(self, name: str) -> str:
        """Return the quoted name of a table or column. Escapes %, which marks parameters."""
        return self.connection.ops.quote_name(name).replace("%", "%%")


def _json_object(pairs: Sequence[str]) -> str:
    """Return SQL for a JSON object of pairs, built from at most MAX_PAIRS at a time."""
    starts = range(0, len(pairs) or 1, MAX_PAIRS)
    return " || ".join(
        f"jsonb_build_object({', '.join(pairs[start : start + MAX_PAIRS])})" for start in starts
    )


def _aliased(columns: dict[str, str]) -> str:
    return "".join(f", {column} AS {name}" for name, column in columns.items())
