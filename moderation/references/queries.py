"""Queries for the rows of one file field, in one database, that hold any of the given names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, ImproperlyConfigured
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import FileField, Lookup, Min, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.registry.registration import Registration

if TYPE_CHECKING:
    TextLookup = Lookup[Any]  # not generic at run time
else:
    TextLookup = Lookup

# The maximum number of oddly spelled names that are read from one field. A field with more of them
# uses the same few odd spellings throughout.
MOST_ODD_NAMES = 1000
# The maximum number of rows that are read from one field for the names of one claim.
MOST_ROWS = 1000
# The name of an annotation, which must not be the name of a field.
A_KEY = "moderation_a_key"


@FileField.register_lookup
class BeginsWithAny(TextLookup):
    """A lookup for names with one of several prefixes, each a range of the column's index.

    Building the same condition from Django's lookups would take longer than the query. PostgreSQL
    uses the extra index that Django creates for LIKE, SQLite uses comparisons.
    """

    lookup_name = "begins_with_any"

    def get_prep_lookup(self) -> tuple[str, ...]:
        """Return the prefixes unchanged; none of them is empty."""
        return tuple(self.rhs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return comparisons. Raises Django's EmptyResultSet if there are no prefixes."""
        ranges = [(text, text[:-1] + chr(ord(text[-1]) + 1)) for text in self.rhs]
        return self._any_of("{0} >= %s AND {0} < %s", ranges, compiler, connection)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return LIKE conditions, the only ones that do not depend on the collation."""
        patterns = [(connection.ops.prep_for_like_query(text) + "%",) for text in self.rhs]
        return self._any_of("{0} LIKE %s", patterns, compiler, connection)

    def _any_of(
        self,
        condition: str,
        each: Sequence[tuple[str, ...]],
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
    ) -> tuple[str, list[Any]]:
        if not each:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        sql = " OR ".join([f"({condition.format(column)})"] * len(each))
        taken = [[*params, text] for texts in each for text in texts]
        return f"({sql})", [value for values in taken for value in values]


@dataclass(frozen=True, slots=True)
class Column:
    """A file field of a model in one database, including rows that managers hide."""

    model: type[Model]
    field: FileField
    database: str

    @property
    def label(self) -> str:
        """Return "app.Model.field", with the database if it is not the audit log's."""
        home = router.db_for_write(AuditEntry)
        where = "" if self.database == home else f" in database {self.database}"
        return f"{self.model._meta.label}.{self.field.name}{where}"

    def rows(self) -> QuerySet[Any]:
        """Return all rows of the table, without any of the model's managers."""
        return all_rows(self.model, self.database).order_by()

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """Return the names that rows hold, each with one row that holds it: {name: "label key"}."""
        rows, name = self.rows().filter(**{f"{self.field.name}__any_of": names}), self.field.name
        if connections[self.database].features.can_distinct_on_fields:
            keys = _key_columns(self.model)
            found = rows.order_by(name).distinct(name).values_list(name, *keys)
        else:
            first = {A_KEY: Min(_key_columns(self.model)[0])}
            found = rows.values_list(name).annotate(**first)
        return {str(row[0]): self._user(row[1:]) for row in found}

    def names_among(self, names: Iterable[str]) -> dict[str, str]:
        """Return what `holders` does without the key, for a model whose key cannot be read."""
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = rows.values_list(self.field.name, flat=True).distinct()
        return {str(name): self.label for name in found}

    def beginning_with(self, beginnings: Iterable[str]) -> dict[str, str]:
        """Return the names with one of the prefixes; at most `MOST_ODD_NAMES` + 1."""
        rows = self.rows().filter(**{f"{self.field.name}__begins_with_any": tuple(beginnings)})
        found = rows.values_list(self.field.name, flat=True)[: MOST_ODD_NAMES + 1]
        return {str(name): self.label for name in found}

    def _user(self, key: tuple[Any, ...]) -> str:
        return f"{self.label} {', '.join(map(str, key))}"


@dataclass(frozen=True, slots=True)
class ChosenColumn(Column):
    """A file field whose rows choose their storage. Only rows that chose `alias` count.

    If more than `MOST_ROWS` rows hold the names, all of them count. A row also counts if its
    storage cannot be determined, or if its name is spelled oddly.
    """

    alias: str
    registration: Registration

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """Return what `Column.holders` does, for the rows that chose this storage."""
        names = list(names)
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = list(rows[: MOST_ROWS + 1])
        if len(found) > MOST_ROWS:
            return Column.holders(self, names)
        return {
            str(getattr(row, self.field.attname)): f"{self.label} {row.pk}"
            for row, alias in zip(found, self._aliases_of(found), strict=True)
            if alias in (self.alias, "")
        }

    names_among = holders

    def _aliases_of(self, rows: list[Model]) -> list[str]:
        """Return the alias that each row chose, or "" if it is not, or no longer, in STORAGES."""
        try:
            return [own[self.field.name] for own in self.registration.aliases_of(rows)]
        except ImproperlyConfigured:
            one_by_one = len(rows) > 1
            return (
                [each for row in rows for each in self._aliases_of([row])] if one_by_one else [""]
            )


def _key_columns(model: type[Model]) -> list[str]:
    """Return the columns of the primary key; a composite key has several."""
    return [field.attname for field in model._meta.pk_fields]


def guarded(database: str) -> AbstractContextManager[Any]:
    """Return a savepoint if a transaction is open, because an error would break the transaction."""
    in_transaction = connections[database].in_atomic_block
    return transaction.atomic(using=database) if in_transaction else nullcontext()
