"""Queries for the rows of one file field, in one database, that hold any of the given names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, ImproperlyConfigured
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import FileField, Lookup, Min, Model, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.registry.registration import Registration

if TYPE_CHECKING:
    TextLookup = Lookup[Any]  # not generic at run time
else:
    TextLookup = Lookup

# The most oddly spelled names that are read from one field. A field with more of them uses the same
# few odd spellings throughout.
MAX_ODD_NAMES = 1000
# The most rows that are read from one field for the names of one claim.
MAX_ROWS = 1000
# The condition for rows in the audit log's database that do not count as users, by their model.
IgnoredRows = Mapping[type[Model], Q]
# The name of an annotation, which no field may have.
KEY_ANNOTATION = "moderation_key"


@FileField.register_lookup
class StartsWithAny(TextLookup):
    """A lookup for names with one of several prefixes, each a range of the column's index.

    Building the same condition from Django's lookups would take longer than the query. PostgreSQL
    uses the extra index that Django creates for LIKE, SQLite uses comparisons.
    """

    lookup_name = "startswith_any"

    def get_prep_lookup(self) -> tuple[str, ...]:
        """Return the prefixes unchanged; none of them is empty."""
        return tuple(self.rhs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return comparisons. Raises Django's EmptyResultSet if there are no prefixes."""
        ranges = [(text, text[:-1] + chr(ord(text[-1]) + 1)) for text in self.rhs]
        return self._any_of("{0} >= %s AND {0} < %s", ranges, compiler, connection)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return LIKE conditions, the only ones for which an index works with any collation."""
        patterns = [(connection.ops.prep_for_like_query(text) + "%",) for text in self.rhs]
        return self._any_of("{0} LIKE %s", patterns, compiler, connection)

    def _any_of(
        self,
        condition: str,
        texts: Sequence[tuple[str, ...]],
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, list[Any]]:
        """Return the condition, once for each tuple of texts, joined by OR."""
        if not texts:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        sql = " OR ".join([f"({condition.format(column)})"] * len(texts))
        return f"({sql})", [each for row in texts for text in row for each in (*params, text)]


@dataclass(frozen=True, slots=True)
class Column:
    """A file field of a model in one database, including rows that managers hide.

    Rows that match `ignored` are left out.
    """

    model: type[Model]
    field: FileField
    database: str
    ignored: Q = dataclass_field(default_factory=Q, kw_only=True)

    @property
    def label(self) -> str:
        """Return "app.Model.field", with the database if it is not the audit log's."""
        suffix = "" if is_of_audit_log(self.database) else f" in database {self.database}"
        return f"{self.model._meta.label}.{self.field.name}{suffix}"

    def rows(self) -> QuerySet[Any]:
        """Return the rows of the table, without any of the model's managers."""
        rows = all_rows(self.model, self.database).order_by()
        return rows.exclude(self.ignored) if self.ignored else rows

    def find(self, names: Iterable[str]) -> dict[str, str]:
        """Return the names that rows hold, each with one of these rows: {name: "label key"}."""
        rows, name = self.rows().filter(**{f"{self.field.name}__any_of": names}), self.field.name
        if connections[self.database].features.can_distinct_on_fields:
            keys = _key_columns(self.model)
            found = rows.order_by(name).distinct(name).values_list(name, *keys)
        else:
            first = {KEY_ANNOTATION: Min(_key_columns(self.model)[0])}
            found = rows.values_list(name).annotate(**first)
        return {str(row[0]): f"{self.label} {', '.join(map(str, row[1:]))}" for row in found}

    def find_without_keys(self, names: Iterable[str]) -> dict[str, str]:
        """Return what `find` does without the row's key, for a model whose key cannot be read."""
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = rows.values_list(self.field.name, flat=True).distinct()
        return {str(name): self.label for name in found}

    def find_by_prefix(self, prefixes: Iterable[str]) -> dict[str, str]:
        """Return the names with one of the prefixes, at most `MAX_ODD_NAMES` + 1."""
        rows = self.rows().filter(**{f"{self.field.name}__startswith_any": tuple(prefixes)})
        found = rows.values_list(self.field.name, flat=True)[: MAX_ODD_NAMES + 1]
        return {str(name): self.label for name in found}


@dataclass(frozen=True, slots=True)
class StorageColumn(Column):
    """A file field whose rows choose their storage, restricted to those that chose `alias`.

    Includes other rows if more than `MAX_ROWS` hold the names, if their storage cannot be
    determined, or if their name is spelled oddly: a file that may be in use must not be erased.
    """

    alias: str
    registration: Registration

    def find(self, names: Iterable[str]) -> dict[str, str]:
        """Return what `Column.find` does, for the rows that chose this storage."""
        names = list(names)
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = list(rows[: MAX_ROWS + 1])
        if len(found) > MAX_ROWS:
            return Column.find(self, names)
        return {
            str(getattr(row, self.field.attname)): f"{self.label} {row.pk}"
            for row, alias in zip(found, self._aliases_of(found), strict=True)
            if alias in (self.alias, "")
        }

    find_without_keys = find

    def _aliases_of(self, rows: list[Model]) -> list[str]:
        """Return the alias that each row chose, or "" if it is not, or no longer, in STORAGES."""
        try:
            return [own[self.field.name] for own in self.registration.aliases_of(rows)]
        except ImproperlyConfigured:
            if len(rows) == 1:
                return [""]
            return [alias for row in rows for alias in self._aliases_of([row])]


def ignored_in(model: type[Model], database: str, ignored: IgnoredRows) -> Q:
    """Return the condition for the ignored rows in one table."""
    return ignored.get(model, Q()) if is_of_audit_log(database) else Q()


def is_of_audit_log(database: str) -> bool:
    """Return whether the audit log is in a database."""
    return bool(database == router.db_for_write(AuditEntry))


def _key_columns(model: type[Model]) -> list[str]:
    """Return the columns of the primary key; a composite key has several."""
    return [field.attname for field in model._meta.pk_fields]


def savepoint(database: str) -> AbstractContextManager[Any]:
    """Return a savepoint if a transaction is open, so that an error does not break it."""
    in_transaction = connections[database].in_atomic_block
    return transaction.atomic(using=database) if in_transaction else nullcontext()
