"""Asking one file field in one database which of some names its rows hold."""

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

from moderation.models import AuditEntry
from moderation.registration import Registration

if TYPE_CHECKING:
    TextLookup = Lookup[Any]  # takes no parameter where it runs
else:
    TextLookup = Lookup

# Odd names that one field is read for. One with more has them by habit, and in few spellings.
MOST_ODD_NAMES = 1000
# Rows that share the names of one claim, of one field.
MOST_ROWS = 1000
# An annotation's name must not be that of a field.
A_KEY = "moderation_a_key"


@FileField.register_lookup
class BeginsWithAny(TextLookup):
    """Whether a name begins in one of several ways, each of them a range of the column's index.

    As many conditions of Django's would take longer to put together than to answer. PostgreSQL has
    LIKE served by the index that Django makes beside one on a text, SQLite has comparisons so.
    """

    lookup_name = "begins_with_any"

    def get_prep_lookup(self) -> tuple[str, ...]:
        """The beginnings as they are: texts, none of them empty."""
        return tuple(self.rhs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return comparisons. Raises EmptyResultSet (Django's) where there is no beginning."""
        ranges = [(text, text[:-1] + chr(ord(text[-1]) + 1)) for text in self.rhs]
        return self._any_of("{0} >= %s AND {0} < %s", ranges, compiler, connection)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Return LIKE, which alone does not depend on the collation."""
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
    """A file field of a model, in one database. No manager hides a row of it."""

    model: type[Model]
    field: FileField
    database: str

    @property
    def label(self) -> str:
        """The field as "app.Model.field", with its database where that is not the log's."""
        home = router.db_for_write(AuditEntry)
        where = "" if self.database == home else f" in database {self.database}"
        return f"{self.model._meta.label}.{self.field.name}{where}"

    def rows(self) -> QuerySet[Any]:
        """All rows, as no manager of the model narrows or changes them."""
        return QuerySet(model=self.model, using=self.database).order_by()

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """Return which of the names a row holds, each with one such row: {name: "label key"}."""
        rows, name = self.rows().filter(**{f"{self.field.name}__any_of": names}), self.field.name
        if connections[self.database].features.can_distinct_on_fields:
            keys = _key_columns(self.model)
            found = rows.order_by(name).distinct(name).values_list(name, *keys)
        else:
            first = {A_KEY: Min(_key_columns(self.model)[0])}
            found = rows.values_list(name).annotate(**first)
        return {str(row[0]): self._user(row[1:]) for row in found}

    def names_among(self, names: Iterable[str]) -> dict[str, str]:
        """As `holders`, of this one column alone: for a model whose keys cannot be asked for."""
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = rows.values_list(self.field.name, flat=True).distinct()
        return {str(name): self.label for name in found}

    def beginning_with(self, beginnings: Iterable[str]) -> dict[str, str]:
        """Return the names that begin in one of the ways; at most `MOST_ODD_NAMES` and one more."""
        rows = self.rows().filter(**{f"{self.field.name}__begins_with_any": tuple(beginnings)})
        found = rows.values_list(self.field.name, flat=True)[: MOST_ODD_NAMES + 1]
        return {str(name): self.label for name in found}

    def _user(self, key: tuple[Any, ...]) -> str:
        return f"{self.label} {', '.join(map(str, key))}"


@dataclass(frozen=True, slots=True)
class ChosenColumn(Column):
    """A file field whose rows choose their storage: only those count that chose `alias`.

    Where more rows hold the names than can be read, all of them count. So does a row of which
    nobody can say what it chose, and one that spells its name oddly.
    """

    alias: str
    registration: Registration

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """As of any column, for the rows that chose this storage."""
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
        """What each row chose; empty where STORAGES does not have it, or has it no more."""
        try:
            return [own[self.field.name] for own in self.registration.aliases_of(rows)]
        except ImproperlyConfigured:
            one_by_one = len(rows) > 1
            return (
                [each for row in rows for each in self._aliases_of([row])] if one_by_one else [""]
            )


def _key_columns(model: type[Model]) -> list[str]:
    """The columns of the primary key, of which a composite one has several."""
    return [field.attname for field in model._meta.pk_fields]


def guarded(database: str) -> AbstractContextManager[Any]:
    """A savepoint where there is a transaction, which an error would spoil."""
    in_transaction = connections[database].in_atomic_block
    return transaction.atomic(using=database) if in_transaction else nullcontext()
