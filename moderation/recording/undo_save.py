"""Undo the write of a row with a key that a removal claimed at the same moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.db.models import FileField, ProtectedError, RestrictedError

from moderation.db.rows import all_rows
from moderation.recording.attribution import NOBODY
from moderation.recording.entries import write_entries
from moderation.recording.key_entries import (
    FileKey,
    file_key,
    lock_entries_of,
    log_database,
    mark_in_use,
    superseded_entries,
)
from moderation.registry.files import StoredFile


@dataclass(slots=True)
class BeforeSave:
    """The state of a row before it was written, as plain data that is stored on the instance.

    `files` contains the files that the row is going to name, `former` the names in the database,
    which are read only if one of the keys has an entry in the log. For `superseded`, see
    `key_entries`.
    """

    files: Mapping[str, FileKey] = field(default_factory=dict)
    former: Mapping[str, str | None] | None = None
    superseded: set[int] = field(default_factory=set)
    is_reserved: bool = False
    had_key: bool = False
    has_parents: bool = False

    def is_unchanged(self, name: str, file: FileKey) -> bool:
        """Return whether the stored row already had this file name."""
        return self.former is not None and self.former.get(name) == file.name


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A row that was just written, as plain data that does not depend on its instance.

    `files` contains the files to confirm, and `uploaded` the fields whose file name was generated
    while the row was saved. `tables` contains, for each file field, its model, the row's key in the
    model's table and whether the column is nullable.
    """

    model: type[models.Model]
    key: Any
    using: str
    created: bool
    has_parents: bool
    files: Mapping[str, FileKey]
    uploaded: AbstractSet[str]
    tables: Mapping[str, tuple[type[models.Model], Any, bool]]
    former: Mapping[str, str | None]
    superseded: AbstractSet[int]

    @classmethod
    def of(
        cls,
        instance: models.Model,
        using: str,
        files: Mapping[str, FileKey],
        fields: Iterable[FileField],
        *,
        created: bool,
        before: BeforeSave,
    ) -> SavedRow:
        """Return the data of an instance that was just written."""
        tables = {f.name: (f.model, _key_in(f.model, instance), f.null) for f in fields}
        return cls(
            model=type(instance),
            key=instance.pk,
            using=using,
            created=created,
            has_parents=before.has_parents,
            files=files,
            uploaded={name for name, file in files.items() if before.files.get(name) != file},
            tables=tables,
            former=before.former or {},
            superseded=before.superseded,
        )

    @property
    def text(self) -> str:
        """Return the text that names the row in the log."""
        return f"{self.model._meta.label} {self.key}"

    def still_named(self) -> dict[str, FileKey]:
        """Return the files that the row still names in the database."""
        stored = _stored(self.tables, self.using)
        return {name: file for name, file in self.files.items() if stored.get(name) == file.name}


def names_in_database(
    instance: models.Model, fields: Iterable[FileField], using: str
) -> dict[str, str | None]:
    """Return the file names of a row in the database by field, or {} if the row does not exist."""
    tables = {f.name: (f.model, _key_in(f.model, instance), f.null) for f in fields}
    return _stored(tables, using)


def undo_save(row: SavedRow, taken: Mapping[str, FileKey]) -> None:
    """Undo the write of a row that uses keys claimed by a removal.

    An inserted row is deleted, as if by hand: the log gets an entry for each of its files, so that
    files uploaded with the row are erased, and files that other rows use are kept. A row that was
    updated, or that another row already protects, gets its former file names back. Where these are
    unknown, or were claimed as well since they were replaced, the names of claimed files are
    cleared. The other columns stay as saved.
    """
    is_deleted = row.created and _delete(row)
    if row.has_parents or not is_deleted:
        _put_back_names(row, taken)


def _delete(row: SavedRow) -> bool:
    """Delete an inserted row, or return False if another row already protects it."""
    try:
        with transaction.atomic(using=row.using):
            if not row.has_parents:
                all_rows(row.model, row.using).filter(pk=row.key).delete()
            elif inserted := all_rows(row.model, row.using).filter(pk=row.key).first():
                # Not `inserted.delete()`: the model may override it.
                models.Model.delete(inserted, using=row.using, keep_parents=True)
    except (ProtectedError, RestrictedError):
        return False
    return True


def reset(instance: models.Model, row: SavedRow, *, had_key: bool) -> None:
    """Reset the instance to its unsaved state if its inserted row was deleted."""
    if not row.created or all_rows(row.model, row.using).filter(pk=row.key).exists():
        return
    instance._state.adding = True
    if not had_key:
        instance.pk = None


def _put_back_names(row: SavedRow, taken: Mapping[str, FileKey]) -> None:
    changes: dict[tuple[type[models.Model], Any], dict[str, str | None]] = defaultdict(dict)
    usable = _usable_former_names(row)
    for name, file in row.still_named().items():
        model, key, can_be_null = row.tables[name]
        if name in usable:
            changes[model, key][name] = usable[name]
        elif name in taken or name in row.former:
            changes[model, key][name] = None if can_be_null else ""
        if name in row.uploaded and name in changes[model, key]:
            _record(row, name, file)
    for (model, key), names in changes.items():
        if names:
            all_rows(model, row.using).filter(pk=key).update(**names)


def _usable_former_names(row: SavedRow) -> dict[str, str | None]:
    """Return the former names without those that were claimed since the row was written.

    The files of the others are marked as in use, since they may have been recorded as replaced.
    """
    former = {name: row.former[name] for name in row.files if name in row.former}
    files = {
        name: key
        for name, old in former.items()
        if old and (key := file_key(row.files[name].storage, old))
    }
    locked = lock_entries_of(files.values())
    known = superseded_entries(files.values(), locked, set())
    claimed = {n for n, f in files.items() for e in locked if f.is_of(e) and e.is_taken(known)}
    own = [e for n, f in files.items() if n not in claimed for e in locked if f.is_of(e)]
    mark_in_use(own, row.text)
    return {name: old for name, old in former.items() if name not in claimed}


def _record(row: SavedRow, name: str, file: FileKey) -> None:
    """Record a file that was uploaded with an undone change, so that it is erased."""
    model, key, _null = row.tables[name]
    upload = StoredFile(model._meta.label, key, name, file.storage, file.name)
    write_entries({upload: {}}, NOBODY, log_database())


def _key_in(model: type[models.Model], instance: models.Model) -> Any:
    return getattr(instance, model._meta.pk.attname)


def _stored(
    tables: Mapping[str, tuple[type[models.Model], Any, bool]], using: str
) -> dict[str, str | None]:
    fields: dict[tuple[type[models.Model], Any], list[str]] = defaultdict(list)
    for name, (model, key, _null) in tables.items():
        fields[model, key].append(name)
    found: dict[str, str | None] = {}
    for (model, key), names in fields.items():
        if key is not None:
            found |= all_rows(model, using).filter(pk=key).values(*names).first() or {}
    return found
