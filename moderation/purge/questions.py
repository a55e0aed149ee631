"""Asking one file field in one database which of some names its rows hold."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connections, router, transaction
from django.db.models import FileField, Min, Model, Q, QuerySet

from moderation.models import AuditEntry

# Odd names that one field is read for. One with more has them by habit, and in few spellings.
MOST_ODD_NAMES = 1000


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
            found = rows.values_list(name).annotate(key=Min(_key_columns(self.model)[0]))
        return {str(row[0]): self._user(row[1:]) for row in found}

    def names_among(self, names: Iterable[str]) -> dict[str, str]:
        """As `holders`, of this one column alone: for a model whose keys cannot be asked for."""
        rows = self.rows().filter(**{f"{self.field.name}__any_of": names})
        found = rows.values_list(self.field.name, flat=True).distinct()
        return {str(name): self.label for name in found}

    def beginning_with(self, beginnings: Iterable[str]) -> dict[str, str]:
        """Return the names that begin in one of the ways; at most `MOST_ODD_NAMES` and one more."""
        begin = Q()
        for each in beginnings:
            begin |= self._begins_with(each)
        found = self.rows().filter(begin).values_list(self.field.name, flat=True)
        return {str(name): self.label for name in found[: MOST_ODD_NAMES + 1]}

    def _begins_with(self, text: str) -> Q:
        """As a range of the index: Django's LIKE uses PostgreSQL's, and none on SQLite."""
        if connections[self.database].vendor == "postgresql":
            return Q(**{f"{self.field.name}__startswith": text})
        after = text[:-1] + chr(ord(text[-1]) + 1)
        return Q(**{f"{self.field.name}__gte": text, f"{self.field.name}__lt": after})

    def _user(self, key: tuple[Any, ...]) -> str:
        return f"{self.label} {', '.join(map(str, key))}"


def _key_columns(model: type[Model]) -> list[str]:
    """The columns of the primary key, of which a composite one has several."""
    return [field.attname for field in model._meta.pk_fields]


def guarded(database: str) -> AbstractContextManager[Any]:
    """A savepoint where there is a transaction, which an error would spoil."""
    in_transaction = connections[database].in_atomic_block
    return transaction.atomic(using=database) if in_transaction else nullcontext()
