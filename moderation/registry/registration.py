"""The registration of a model, and the queries that use its lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import FileField, Model, QuerySet

from moderation.db.rows import all_rows
from moderation.registry.fields import own_file_fields, storage_alias
from moderation.registry.review_rule import ReviewRule
from moderation.registry.storages import StorageOf, chosen_aliases

# A lookup path from the model ("post__title"), or a function that takes a page of rows and returns
# one value for each row, in the same order.
Lookup = str | Callable[[Sequence[Any]], Sequence[Any]]
# Takes a page of rows and yields (row, storage alias, name) for files that no field names.
ExtraFiles = Callable[[Sequence[Any]], Iterable[tuple[Any, str, str]]]
# The model, and the keys on which the details of a row depend.
DetailsKey = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Registration:
    """The options of a registered model. `lookups` contains only those that were passed.

    `review_lookups` are those that only the review of a selection uses: textual, and possibly with
    several rows for each row of the model. `review_rules` are about the parents of the rows, or
    about the rows themselves if they have none.
    """

    model: type[Model]
    lookups: Mapping[str, Lookup]
    picture: str
    thumbnail: str
    extra_files: ExtraFiles | None
    storage: StorageOf | None = None
    replaced_files: bool = True
    review_lookups: Mapping[str, str] = field(default_factory=dict)
    review_rules: Sequence[ReviewRule] = ()

    @cached_property
    def label(self) -> str:
        """Return the model as "app.Model"."""
        return str(self.model._meta.label)

    @property
    def fields(self) -> tuple[FileField, ...]:
        """Return the file fields of the model's own table.

        In multi-table inheritance, each table covers only its own columns: Django deletes the
        parent row as a separate object, so an inherited column would be recorded twice.
        """
        return own_file_fields(self.model)

    def aliases_of(self, rows: Sequence[Model]) -> list[dict[str, str]]:
        """Return {file field: alias of the storage that holds its file} for each row.

        Raises ImproperlyConfigured for an alias that is not in STORAGES.
        """
        if self.storage is None:
            own = {field.name: storage_alias(field) for field in self.fields}
            return [own] * len(rows)
        names = [field.name for field in self.fields]
        chosen = chosen_aliases(self.storage, rows, names)
        return [
            {f.name: aliases.get(f.name) or storage_alias(f) for f in self.fields}
            for aliases in chosen
        ]

    def alias_of(self, row: Model, field: FileField) -> str:
        """Return the alias of the storage that holds the file in this field of a row."""
        return self.aliases_of([row])[0][field.name] if self.storage else storage_alias(field)

    @property
    def measured_field(self) -> str:
        """Return the file field that `size` and `sha256` describe: the picture, else the first."""
        fields = self.fields
        return self.picture or (fields[0].name if fields else "")

    @property
    def size_column(self) -> str:
        """Return the model's own column that holds the size, or "" if there is none."""
        size = self.lookups.get("size")
        return size if isinstance(size, str) and "__" not in size else ""

    @property
    def perceptual_hash(self) -> str:
        """Return the column that holds the perceptual hash of the picture, or ""."""
        return self.review_lookups.get("perceptual_hash", "")

    @property
    def parent_field(self) -> str:
        """Return the relation to the row's parent, which `title` follows, or ""."""
        return str(self.lookups["title"]).split("__")[0] if self._parent_column else ""

    @property
    def _parent_column(self) -> str:
        """Return the column of the relation to the row's parent, or ""."""
        title = self.lookups.get("title")
        return _column_of_relation(self.model, title) if isinstance(title, str) else ""

    def details(self, keys: Sequence[Any], *, using: str) -> dict[Any, dict[str, Any]]:
        """Return the details of the rows with these keys, including the parent of each.

        {key: {"title": ..., "size": ..., "parent_label": ..., "parent_key": ...}}. Runs one query
        for all textual lookups, and one more if a lookup is a function.
        """
        rows = all_rows(self.model, using).filter(pk__any_of=keys)
        textual = {name: path for name, path in self.lookups.items() if isinstance(path, str)}
        if self._parent_column:
            textual["parent_key"] = self._parent_column
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
        """Return the label of the model that `parent_field` leads to, or ""."""
        if not self.parent_field:
            return ""
        related: Any = self.model._meta.get_field(self.parent_field).related_model
        return str(related._meta.label)

    def local_details(self, row: Model) -> dict[str, Any]:
        """Return the details that are in the row's own columns."""
        return {name: getattr(row, attname) for name, attname in self._own_lookups.items()}

    def details_key(self, row: Model) -> DetailsKey:
        """Return the key of the other details; rows with an equal key share these details.

        It consists of the foreign keys that the lookups follow, or of the row's own key if a lookup
        is a function or does not follow a foreign key.
        """
        columns = self._relations or (("pk",) if self._remote_lookups else ())
        return (self.model, *[getattr(row, column) for column in columns])

    def details_by_key(
        self, rows: QuerySet[Any], *, using: str
    ) -> dict[DetailsKey, dict[str, Any]]:
        """Return the details that are not in the rows' own columns, by the rows' `details_key`.

        Runs one query if all other lookups follow foreign keys, and none if there are no others.
        """
        if not self._remote_lookups:
            return {(self.model,): {"parent_label": self.parent_label}}
        if not self._relations:
            keys = list(rows.values_list("pk", flat=True))
            details_by_row = self.details(keys, using=using)
            return {(self.model, key): details for key, details in details_by_row.items()}
        paths = [str(self.lookups[name]) for name in self._remote_lookups]
        parent_label, parent_column = self.parent_label, self._parent_column
        found = {}
        for row in rows.order_by().values_list(*self._relations, *paths).distinct():
            keys = row[: len(self._relations)]
            details = dict(zip(self._remote_lookups, row[len(keys) :], strict=True))
            details["parent_label"] = parent_label
            if parent_column:
                details["parent_key"] = keys[self._relations.index(parent_column)]
            found[(self.model, *keys)] = details
        return found

    @cached_property
    def _own_lookups(self) -> dict[str, str]:
        """Return the lookups that name the model's own columns, with their attributes."""
        columns = {f.name: f.attname for f in self.model._meta.concrete_fields}
        paths = ((name, path) for name, path in self.lookups.items() if isinstance(path, str))
        return {name: columns[path] for name, path in paths if path in columns}

    @cached_property
    def _remote_lookups(self) -> list[str]:
        """Return the names of the other lookups, which follow relations or are functions."""
        return [name for name in self.lookups if name not in self._own_lookups]

    @cached_property
    def _relations(self) -> tuple[str, ...]:
        """Return the columns of the foreign keys that the other lookups follow.

        Empty if there are none, or if a lookup is a function or does not follow a foreign key.
        """
        paths = (self.lookups[name] for name in self._remote_lookups)
        columns = [isinstance(p, str) and _column_of_relation(self.model, p) for p in paths]
        return tuple(dict.fromkeys(map(str, columns))) if all(columns) else ()


def _column_of_relation(model: type[Model], path: str) -> str:
    """Return the column of the foreign key that a lookup follows, or "" if it follows none."""
    first, *rest = path.split("__")
    keys = {field.name: field.attname for field in model._meta.concrete_fields if field.is_relation}
    return keys.get(first, "") if rest else ""
