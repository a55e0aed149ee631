"""The models that users work with, and rows as a user remembers them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import models
from django.db.models import QuerySet

from posts.models import Post, PostImage
from tests.faults.workload.journal import File
from tests.faults.workload.site import DEFAULT_BADGE
from tests.faults.workload.site.models import (
    Badge,
    Clipping,
    Document,
    Folder,
    Photo,
    Quote,
    Sheet,
)
from tests.faults.workload.tables import TABLES, FileId, files_of_row, is_default


@dataclass(frozen=True, slots=True)
class Kind:
    """A model with files: the names of its file fields, and of the key to its parent."""

    model: type[models.Model]
    fields: tuple[str, ...] = ("file",)
    parent: str = ""
    parent_model: type[models.Model] | None = None
    harmless: str = ""  # a column that a save may change

    @property
    def label(self) -> str:
        """The model as "app.Model"."""
        return str(self.model._meta.label)

    def rows(self) -> QuerySet[Any]:
        """Return all rows, whatever its managers hide."""
        return QuerySet(self.model)


PICTURE = Kind(PostImage, ("image", "thumbnail"), "post_id", Post, "width")
DOCUMENT = Kind(Document, parent="folder_id", parent_model=Folder, harmless="note")
PHOTO = Kind(Photo, parent="folder_id", parent_model=Folder, harmless="note")
BADGE = Kind(Badge, parent="folder_id", parent_model=Folder, harmless="note")
SHEET = Kind(Sheet, harmless="note")
REGISTERED = (PICTURE, DOCUMENT, PHOTO, BADGE, SHEET)
OUTSIDE = (Kind(Clipping), Kind(Quote))
KINDS = {kind.label: kind for kind in (*REGISTERED, *OUTSIDE)}
PARENTS = {Post._meta.label: Post, Folder._meta.label: Folder}


# The files of objects, by the objects' keys.
Files = dict[str, list[FileId]]


def files_of(model: type[models.Model], keys: Sequence[int]) -> Files:
    """Return the files of objects, and of the rows that belong to them, by the objects' keys."""
    found: Files = defaultdict(list)
    for kind in REGISTERED:
        if kind.model is model:
            _add_files(found, kind, "pk", keys)
        elif kind.parent_model is model:
            _add_files(found, kind, kind.parent, keys)
    return found


def _add_files(found: Files, kind: Kind, column: str, keys: Sequence[int]) -> None:
    rows = kind.rows().filter(**{f"{column}__in": keys})
    for owner, key, *names in rows.values_list(column, "pk", *kind.fields):
        for field, name in files_of_row(TABLES[kind.label], names).items():
            if not is_default(name):
                found[str(owner)].append((kind.label, str(key), field, name))


@dataclass(frozen=True, slots=True)
class Row:
    """A row as its user remembers it. The key "" is for a file that no field names."""

    kind: Kind
    key: int | None
    files: Mapping[str, File]
    parent: int | None = None

    def names(self) -> list[str]:
        """Return its storage keys."""
        return [file.key for file in self.files.values() if file.key]

    def has_own_files(self) -> bool:
        """Return whether it has a file that is not a field's default."""
        return bool(self.names()) and DEFAULT_BADGE not in self.names()

    def matches(self, instance: models.Model) -> bool:
        """Return whether a row of the database has these files."""
        return all(getattr(instance, f).name == file.key for f, file in self.files.items() if f)

    def like(self, parent: int | None) -> Row:
        """Return a new row with the same files."""
        return replace(self, key=None, parent=parent)

    def instance(self) -> models.Model:
        """Return an unsaved instance."""
        values: dict[str, Any] = {field: file.key for field, file in self.files.items() if field}
        if self.kind.parent:
            values[self.kind.parent] = self.parent
        if self.kind is PICTURE:
            values |= {"sha256": "0" * 64, "size": 10, "width": 1, "height": 1}
        return self.kind.model(**values)
