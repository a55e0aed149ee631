"""What a registered model says of itself, and what can be asked by that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import FileField, Model, QuerySet

from moderation.chosen_storages import StorageOf, chosen_aliases
from moderation.file_fields import own_file_fields, storage_alias
from moderation.rows import all_rows

# A lookup from the model as text ("post__title"), or a function that takes a page of rows and gives
# one value a row, in the same order.
Lookup = str | Callable[[Sequence[Any]], Sequence[Any]]
# Takes a page of rows and yields (row, storage alias, name) of files that no field names.
ExtraFiles = Callable[[Sequence[Any]], Iterable[tuple[Any, str, str]]]
# The model, and the keys on which details of a row depend.
Relatives = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Registration:
    """What a registered model told of itself. `lookups` holds the ones that were given."""

    model: type[Model]
    lookups: Mapping[str, Lookup]
    picture: str
    thumbnail: str
    extra_files: ExtraFiles | None
    storage: StorageOf | None = None

    @cached_property
    def label(self) -> str:
        """The model as "app.Model"."""
        return str(self.model._meta.label)

    @property
    def fields(self) -> tuple[FileField, ...]:
        """The file fields that the model's own table holds.

        In multi-table inheritance each table answers for its own columns: Django deletes the parent
        row as an object of its own, so an inherited column would be recorded twice.
        """
        return own_file_fields(self.model)

    def aliases_of(self, rows: Sequence[Model]) -> list[dict[str, str]]:
        """Return for each row {file field: the alias of the storage that holds its file}.

        Raises ImproperlyConfigured for an alias that STORAGES does not have.
        """
        if self.storage is None:
            own = {field.name: storage_alias(field) for field in self.fields}
            return [own] * len(rows)
        names = [field.name for field in self.fields]
        told = chosen_aliases(self.storage, rows, names)
        return [
            {f.name: aliases.get(f.name) or storage_alias(f) for f in self.fields}
            for aliases in told
        ]

    def alias_of(self, row: Model, field: FileField) -> str:
        """Return the alias of the storage that holds the file in this field of a row."""
        return self.aliases_of([row])[0][field.name] if self.storage else storage_alias(field)

    @property
    def measured_field(self) -> str:
        """The file field that `size` and `sha256` speak of: the picture, else the first one."""
        fields = self.fields
        return self.picture or (fields[0].name if fields else "")

    @property
    def size_column(self) -> str:
        """The column of the model's own that holds the size; empty where it is read elsewhere."""
        size = self.lookups.get("size")
        return size if isinstance(size, str) and "__" not in size else ""

    @property
    def parent_field(self) -> str:
        """The relation that `title` starts with: it leads to what a reader knows the row by."""
        title = self.lookups.get("title")
        leads_on = isinstance(title, str) and _column_of_relation(self.model, title)
        return str(title).split("__")[0] if leads_on else ""

    def details(self, keys: Sequence[Any], *, using: str) -> dict[Any, dict[str, Any]]:
        """What the lookups tell of the rows with these keys, and which row each one hangs on.

        {key: {"title": ..., "size": ..., "parent_label": ..., "parent_key": ...}}. One query for
        all textual lookups, one more where a lookup is a function.
        """
        rows = all_rows(self.model, using).filter(pk__any_of=keys)
        textual = {name: path for name, path in self.lookups.items() if isinstance(path, str)}
        if self.parent_field:
            textual["parent_key"] = _column_of_relation(self.model, textual["title"])
        parent = {"parent_label": self.parent_label}
        found: dict[Any, dict[str, Any]] = {
            row[0]: {**parent, **dict(zip(textual, row[1:], strict=True))}
            for row in rows.values_list("pk", *textual.values())
        }
        functions = {n: path for n, path in self.lookups.items() if not isinstance(path, str)}
        if functions:
            page = [row for row in rows if row.pk in found]
            for name, function in functions.items():
                for row, value in zip(page, function(page), strict=True):
                    found[row.pk][name] = value
        return found

    @property
    def parent_label(self) -> str:
        """The label of the model that `parent_field` leads to."""
        if not self.parent_field:
            return ""
        related: Any = self.model._meta.get_field(self.parent_field).related_model
        return str(related._meta.label)

    def at_hand(self, row: Model) -> dict[str, Any]:
        """Those of the details that the row's own columns hold."""
        return {name: getattr(row, attname) for name, attname in self._own_lookups.items()}

    def relatives(self, row: Model) -> Relatives:
        """What the other details depend on: two rows for which this is the same share them.

        The keys of the rows that the lookups lead to; the row's own key where one is a function or
        leads elsewhere.
        """
        columns = self._relations or (("pk",) if self._beyond else ())
        return (self.model, *[getattr(row, column) for column in columns])

    def details_by_relatives(
        self, rows: QuerySet[Any], *, using: str
    ) -> dict[Relatives, dict[str, Any]]:
        """The details that the rows' own columns do not hold, by `relatives` of those rows.

        One query where all lookups lead through foreign keys, none where all name own columns.
        """
        if not self._beyond:
            return {(self.model,): {"parent_label": self.parent_label}}
        if not self._relations:
            keys = list(rows.values_list("pk", flat=True))
            return {
                (self.model, key): told for key, told in self.details(keys, using=using).items()
            }
        paths = [str(self.lookups[name]) for name in self._beyond]
        found = {}
        for row in rows.order_by().values_list(*self._relations, *paths).distinct():
            keys = row[: len(self._relations)]
            told = dict(zip(self._beyond, row[len(keys) :], strict=True))
            if self.parent_field:
                parent = _column_of_relation(self.model, str(self.lookups["title"]))
                told["parent_key"] = keys[self._relations.index(parent)]
            found[(self.model, *keys)] = {"parent_label": self.parent_label, **told}
        return found

    @cached_property
    def _own_lookups(self) -> dict[str, str]:
        """The lookups that name columns of the model's own, with their attributes."""
        own = {f.name: f.attname for f in self.model._meta.concrete_fields}
        paths = ((name, path) for name, path in self.lookups.items() if isinstance(path, str))
        return {name: own[path] for name, path in paths if path in own}

    @cached_property
    def _beyond(self) -> list[str]:
        """The names of the other lookups, which lead further."""
        return [name for name in self.lookups if name not in self._own_lookups]

    @cached_property
    def _relations(self) -> tuple[str, ...]:
        """The columns of the foreign keys that the other lookups go through.

        Empty where one is a function or goes otherwise, and where there are none.
        """
        paths = (self.lookups[name] for name in self._beyond)
        columns = [isinstance(p, str) and _column_of_relation(self.model, p) for p in paths]
        return tuple(dict.fromkeys(map(str, columns))) if all(columns) else ()


def _column_of_relation(model: type[Model], path: str) -> str:
    """The column of the foreign key that a lookup goes through; empty where it goes otherwise."""
    first, *onward = path.split("__")
    keys = {field.name: field.attname for field in model._meta.concrete_fields if field.is_relation}
    return keys.get(first, "") if onward else ""
