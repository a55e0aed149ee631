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
class FileModel:
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


PICTURE = FileModel(PostImage, ("image", "thumbnail"), "post_id", Post, "width")
DOCUMENT = FileModel(Document, parent="folder_id", parent_model=Folder, harmless="note")
PHOTO = FileModel(Photo, parent="folder_id", parent_model=Folder, harmless="note")
BADGE = FileModel(Badge, parent="folder_id", parent_model=Folder, harmless="note")
SHEET = FileModel(Sheet, harmless="note")
REGISTERED = (PICTURE, DOCUMENT, PHOTO, BADGE, SHEET)
OUTSIDE = (FileModel(Clipping), FileModel(Quote))
FILE_MODELS = {file_model.label: file_model for file_model in (*REGISTERED, *OUTSIDE)}
PARENTS = {Post._meta.label: Post, Folder._meta.label: Folder}


# The files of objects, by the objects' keys.
Files = dict[str, list[FileId]]


def files_of(model: type[models.Model], keys: Sequence[int]) -> Files:
    """Return the files of objects, and of the rows that belong to them, by the objects' keys."""
    found: Files = defaultdict(list)
    for file_model in REGISTERED:
        if file_model.model is model:
            _add_files(found, file_model, "pk", keys)
        elif file_model.parent_model is model:
            _add_files(found, file_model, file_model.parent, keys)
    return found


def _add_files(found: Files, file_model: FileModel, column: str, keys: Sequence[int]) -> None:
    rows = file_model.rows().filter(**{f"{column}__in": keys})
    for owner, key, *names in rows.values_list(column, "pk", *file_model.fields):
        for field, name in files_of_row(TABLES[file_model.label], names).items():
            if not is_default(name):
                found[str(owner)].append((file_model.label, str(key), field, name))


@dataclass(frozen=True, slots=True)
class Row:
    """A row as its user remembers it. The key "" is for a file that no field names."""

    file_model: FileModel
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
        if self.file_model.parent:
            values[self.file_model.parent] = self.parent
        if self.file_model is PICTURE:
            values |= {"sha256": "0" * 64, "size": 10, "width": 1, "height": 1}
        return self.file_model.model(**values)
