"""Handle rows that reuse a key of the audit log: either keep the file or refuse the row.

The row lock of an entry is the lock of its key: a purge claims keys while it holds this lock, and
only then searches for rows that use them. In autocommit mode, `save()` is not one transaction: the
changes of `pre_save`, the INSERT and the changes of `post_save` are committed one after the other,
and the INSERT may fail. So there are two steps.

Before the row is written, its keys are reserved in a short separate transaction: their entries
become due one minute later. If the deletion of a key was already requested from a storage, the row
is refused. If the INSERT fails, there is nothing to undo: the reservation expires.

After the row is written, its keys are locked again. Keys that are still free are marked as in use
by this row. Keys that were claimed in between (because the reservation expired, or the entry is
newer than the first check) may be erased at any moment, so the write is undone
(`recording.undo_save`) and KeyTaken is raised. A file name that is generated only while the row is
saved is checked in this step.

Inside a transaction, all locks last until its end. The only entry that these checks miss is one
that is recorded and claimed after the last check, while other transactions cannot see the row yet.
So the rows of a transaction are checked again after its commit, all in one query. Rows in another
database than the log's are also handled then, because their transaction is not the log's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.db import connections, models, transaction
from django.db.models import FileField
from django.db.models.expressions import DatabaseDefault
from django.utils.translation import gettext as _

from moderation.db.rows import all_rows
from moderation.exceptions import KeyTaken
from moderation.recording.key_entries import (
    FileKey,
    entries_of,
    file_key,
    lock_entries_of,
    log_database,
    mark_in_use,
    reserve,
    superseded_entries,
)
from moderation.recording.row_locks import is_in_transaction
from moderation.recording.stored_rows import stored_rows
from moderation.recording.undo_save import (
    BeforeSave,
    SavedRow,
    names_in_database,
    reset,
    undo_save,
)
from moderation.registry import Registration, alias_of, registration_for
from moderation.registry.defaults import default_names_on, is_default
from moderation.registry.files import StoredFile, extra_files

logger = logging.getLogger(__name__)

_BEFORE_SAVE = "_moderation_before_save"
# How many of the last callbacks are searched for ours. Other apps may add some with every row.
CALLBACKS_SEARCHED = 10
# How many rows are checked with one query after a commit.
ROWS_PER_QUERY = 1000


def reserve_reused_keys(
    instance: models.Model, using: str, update_fields: frozenset[str] | None, *, raw: bool = False
) -> None:
    """Reserve the keys of a row that have entries in the log, before the row is written.

    Raises KeyTaken if the deletion of a key was requested from a storage, whatever the result, or
    if a key was erased and the storage has no newer file. A name that the stored row already has is
    not checked, unless `update_fields` is given.
    """
    fields = list(written_fields(instance, update_fields, raw=raw))
    if not fields:
        return
    files = dict(_files(instance, fields))
    before = BeforeSave(
        files=files, had_key=_has_key(instance), has_parents=_has_parents(instance, using)
    )
    setattr(instance, _BEFORE_SAVE, before)
    if not files or not entries_of(files.values()):
        return
    before.former = names_in_database(instance, fields, using)
    is_explicit = update_fields is not None
    new = [file for n, file in files.items() if is_explicit or not before.is_unchanged(n, file)]
    if not entries_of(new):
        return
    new += _extra_files(instance)  # a row that reuses a picture also needs its other sizes
    before.superseded = superseded_entries(new, entries_of(new), set())
    before.is_reserved = True
    with transaction.atomic(using=log_database()):
        locked = lock_entries_of(new)
        taken = [file for file in new for e in locked if file.is_of(e) and _taken(e, before)]
        if not taken:
            reserve(locked)
    if taken:
        raise _key_taken(taken[0])


def confirm_reused_keys(
    instance: models.Model,
    using: str,
    update_fields: frozenset[str] | None,
    *,
    created: bool,
    raw: bool = False,
) -> None:
    """Make sure, after a row is written, that no removal has claimed its keys or will claim them.

    If one was claimed in the meantime, undoes the write and raises KeyTaken.
    """
    before: BeforeSave = instance.__dict__.pop(_BEFORE_SAVE, None) or BeforeSave()
    fields = list(written_fields(instance, update_fields, raw=raw))
    replaced = _names_before_update(instance, fields)
    if before.former is not None:
        before.former = {**before.former, **replaced}
    named = {
        name: file
        for name, file in _files(instance, fields)
        if created or not before.is_unchanged(name, file)
    }
    if not named:
        return
    before.former = {**(before.former or {}), **replaced}
    row = SavedRow.of(instance, using, named, fields, created=created, before=before)
    try:
        if not is_in_transaction(using):
            confirm(row)
            return
        if using == log_database() and (before.is_reserved or row.uploaded):
            confirm(row)
        if using != log_database() or connections[using].features.has_select_for_update:
            _check_after_commit(row)
    except KeyTaken:
        reset(instance, row, had_key=before.had_key)
        raise


def _names_before_update(instance: models.Model, fields: list[FileField]) -> dict[str, str | None]:
    """Return the names that the stored row had right before the save, if that was read."""
    rows = stored_rows(instance)
    stored = ((field.name, rows.get(field.model._meta.label)) for field in fields)
    return {name: getattr(row, name).name for name, row in stored if row}


def confirm(row: SavedRow) -> None:
    """Mark the pending keys of a written row as in use, or undo the write and raise KeyTaken.

    Ignores file names that the row no longer has in the database.
    """
    files = row.files.values()
    if not (entries := entries_of(files)):
        return
    known = superseded_entries(files, entries, row.superseded)
    with transaction.atomic(using=log_database()):
        locked = lock_entries_of(files)
        now = row.still_named()
        own = [(name, file, e) for name, file in now.items() for e in locked if file.is_of(e)]
        taken = {name: file for name, file, entry in own if entry.is_taken(known)}
        if taken:
            undo_save(row, taken)
        else:
            mark_in_use([entry for _name, _file, entry in own], row.text)
    if taken:
        raise _key_taken(next(iter(taken.values())))


class _AtCommit:
    """A callback that checks the rows of one transaction again after its commit."""

    def __init__(self) -> None:
        self.rows: list[SavedRow] = []

    def __call__(self) -> None:
        """Check the rows, undo the writes that came too late, and raise the first KeyTaken."""
        refused: list[KeyTaken] = []
        for start in range(0, len(self.rows), ROWS_PER_QUERY):
            page = self.rows[start : start + ROWS_PER_QUERY]
            known = entries_of([file for row in page for file in row.files.values()])
            keys = {entry.key for entry in known}
            for row in page:
                if any(file.key in keys for file in row.files.values()):
                    try:
                        confirm(row)
                    except KeyTaken as error:
                        refused.append(error)
        if refused:
            raise refused[0]


def _check_after_commit(row: SavedRow) -> None:
    connection = connections[row.using]
    if not connection.in_atomic_block:
        return  # autocommit is off: Django does not commit, so it runs no callbacks
    savepoints = set(connection.savepoint_ids)
    for registered in reversed(connection.run_on_commit[-CALLBACKS_SEARCHED:]):
        callback: Any = registered[1]
        if isinstance(callback, _AtCommit) and registered[0] == savepoints:
            callback.rows.append(row)
            return
    at_commit = _AtCommit()
    at_commit.rows.append(row)
    transaction.on_commit(at_commit, using=row.using)


def _taken(entry: Any, before: BeforeSave) -> bool:
    return bool(entry.is_taken(before.superseded))


def _key_taken(file: FileKey) -> KeyTaken:
    message = _("The file %(name)s was removed from storage or is about to be. Upload it again.")
    return KeyTaken(message % {"name": file.name})


def written_fields(
    instance: models.Model, update_fields: frozenset[str] | None, *, raw: bool
) -> Iterator[FileField]:
    """Yield the registered file fields that are written, including those of parent models.

    A save also writes the tables of the parents, except for the rows of a fixture, which are `raw`.
    """
    own = type(instance)._meta.concrete_model
    for each in instance._meta.concrete_fields:
        if not isinstance(each, FileField) or not registration_for(each.model):
            continue
        is_written = update_fields is None or each.name in update_fields
        if is_written and not (raw and each.model is not own):
            yield each


def _files(instance: models.Model, fields: list[FileField]) -> Iterator[tuple[str, FileKey]]:
    """Yield the files that a row names, by field. A file has no name until it is stored."""
    for each in fields:
        if isinstance(instance.__dict__.get(each.attname), DatabaseDefault):
            continue
        file = getattr(instance, each.attname)
        if not file or not getattr(file, "_committed", True):  # has no public equivalent
            continue
        alias = alias_of(instance, each)
        if is_default(file.name, default_names_on(alias)):
            continue
        if found := file_key(alias, str(file.name)):
            yield each.name, found


def _extra_files(instance: models.Model) -> list[FileKey]:
    """Return the keys of a row's extra files, as far as they are known before it is saved."""
    registration = registration_for(type(instance))
    found = known_extra_files(registration, instance) if registration else []
    keys = (file_key(file.storage, file.name) for file in found)
    return [key for key in keys if key]


def known_extra_files(registration: Registration, row: models.Model) -> list[StoredFile]:
    """Return the extra files of a saved row, or none if the site's function fails."""
    try:
        return list(extra_files(registration, [row]))
    except Exception:  # it must not make a save fail
        logger.exception("extra_files of %s failed for a saved row.", registration.label)
        return []


def _has_key(instance: models.Model) -> bool:
    return _is_key(instance.pk)


def _is_key(value: Any) -> bool:
    return value is not None and not (isinstance(value, tuple) and None in value)


def _has_parents(instance: models.Model, using: str) -> bool:
    """Return whether this save adds a row to an existing row of a parent model."""
    concrete: type[models.Model] = instance._meta.concrete_model or type(instance)
    parents: list[type[models.Model]] = list(concrete._meta.parents)
    return any(
        _is_key(key := getattr(instance, parent._meta.pk.attname))
        and all_rows(parent, using).filter(pk=key).exists()
        for parent in parents
    )
