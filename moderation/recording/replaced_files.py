"""Record the files that a saved row no longer names, in the same way as those of a deleted row.

The stored row is read right before it is changed (`recording.stored_rows`) and compared after the
save. The entries are part of the save's transaction. The purge erases their files, unless another
row uses them.

In autocommit mode, two saves of one row may both read it before either changes it. Neither then
sees the name that the first one wrote. So the names that this save wrote are compared with the
stored row as well. A file may then be recorded twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.db import models, transaction
from django.db.models.fields.files import FieldFile

from moderation import signals
from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.recording.attribution import context_of
from moderation.recording.entries import write_entries
from moderation.recording.key_entries import log_database
from moderation.recording.key_reuse import known_extra_files, written_fields
from moderation.recording.row_locks import is_in_transaction
from moderation.recording.stored_rows import forget_stored_rows, read_before_update, stored_rows
from moderation.registry import Registration, registration_by_label, registration_for
from moderation.registry.fields import concrete
from moderation.registry.files import StoredFile, aliases_by_key, files_in_columns


def watch_replaced_files(
    instance: models.Model, using: str, update_fields: frozenset[str] | None, *, raw: bool
) -> None:
    """Schedule the stored rows to be read before their file names change."""
    fields = written_fields(instance, update_fields, raw=raw)
    found = dict.fromkeys(registration_for(field.model) for field in fields)
    read_before_update(instance, using, [each for each in found if each and each.replaced_files])


def record_replaced_files(
    instance: models.Model,
    using: str,
    update_fields: frozenset[str] | None,
    *,
    created: bool,
    is_refused: bool = False,
) -> None:
    """Write an audit entry for each file that the stored rows named only before the save.

    If the row was created nevertheless, another session deleted it in between and recorded its
    files. With `is_refused`, the write was undone, and the new names are not this row's to record.
    """
    rows = stored_rows(instance)
    forget_stored_rows(instance, using)
    for label, before in rows.items():
        registration = registration_by_label(label)
        if created and isinstance(before, concrete(type(instance))):
            continue
        after = _as_saved(before, instance, update_fields)
        if _files_in_fields(registration, before) == _files_in_fields(registration, after):
            continue
        written = None if is_refused or is_in_transaction(using) else after
        if replaced := _replaced(registration, before, written, using):
            _write(replaced, instance, using)


def _as_saved(
    before: models.Model, instance: models.Model, update_fields: frozenset[str] | None
) -> models.Model:
    """Return a copy of the stored row with the values that were saved, as far as Python knows."""
    after = copy(before)
    values = vars(instance)
    for field in before._meta.concrete_fields:
        is_written = update_fields is None or {field.name, field.attname} & update_fields
        if is_written and field.attname in values:
            # Past the descriptor, which would bind the instance's file to the copy.
            vars(after)[field.attname] = _plain(values[field.attname])
    return after


def _plain(value: Any) -> Any:
    """Return the name of a file, or None for an expression, which only the database can compute."""
    if isinstance(value, FieldFile):
        return value.name
    return None if hasattr(value, "resolve_expression") else value


def _files_in_fields(registration: Registration, row: models.Model) -> set[StoredFile]:
    names = {field.name: getattr(row, field.attname) for field in registration.fields}
    aliases = aliases_by_key(registration, [row]) if registration.storage else None
    return set(files_in_columns(registration, [{"pk": row.pk, **names}], aliases))


def _all_files(registration: Registration, row: models.Model) -> set[StoredFile]:
    return _files_in_fields(registration, row).union(known_extra_files(registration, row))


def _replaced(
    registration: Registration, before: models.Model, written: models.Model | None, using: str
) -> dict[StoredFile, Mapping[str, Any]]:
    """Return the files that the row had before the save, or that were written, and no longer has.

    They are returned with their details. A row that was deleted since was recorded as written.
    """
    now = all_rows(registration.model, using).filter(pk=before.pk).first()
    current = {(file.storage, file.name) for file in _all_files(registration, now)} if now else ()
    found: dict[StoredFile, Mapping[str, Any]] = {}
    for row in [written, before] if written and now else [before]:
        files = _all_files(registration, row)
        if replaced := [file for file in files if (file.storage, file.name) not in current]:
            found.update(dict.fromkeys(replaced, _details(registration, row, using)))
    return found


def _details(registration: Registration, row: models.Model, using: str) -> Mapping[str, Any]:
    """Return the details of a row, with those of its own columns as they were with its file."""
    details = registration.details([row.pk], using=using).get(row.pk, {})
    computed = {
        name: lookup([row])[0] for name, lookup in registration.lookups.items() if callable(lookup)
    }
    return {**details, **computed, **registration.local_details(row)}


def _write(
    files: Mapping[StoredFile, Mapping[str, Any]], instance: models.Model, using: str
) -> None:
    """Write the entries in the save's transaction, or after its commit in another database."""
    context = context_of(instance)

    def write() -> None:
        with transaction.atomic(using=log_database(), savepoint=False):
            write_entries(files, context, log_database())
            signals.files_due.send(AuditEntry)

    if using == log_database():
        write()
    else:
        transaction.on_commit(write, using=using)
