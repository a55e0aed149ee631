"""Prevent uploads to names whose key has an open entry in the audit log.

A storage chooses a name that is free. It may be free because a purge has just erased the file, or
because the file was lost. If the log has an open entry for the key, the next request would erase
the upload. `FieldFile.save()` writes the file before the row, so refusing the row would be too
late. But it first calls `generate_filename` of its field, and a registered field returns another
name if the log has an open entry.

A thread that stores files for another one, as in a parallel import, opens no database connection
for this. The other thread saves the row, which is checked then (`moderation.recording.key_reuse`).
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db import connections, models
from django.db.models import FileField

from moderation.models.states import OPEN_STATES
from moderation.recording.key_entries import entries_of, file_key, log_database
from moderation.recording.upload_identity import stores_for_another_thread
from moderation.registry import alias_of

_WRAPPED = "_moderation_generates_free_names"


def avoid_open_keys(field: FileField) -> None:
    """Make a field choose another name for an upload whose key has an open entry."""
    if _WRAPPED in vars(field):
        return
    generate = field.generate_filename

    def generate_filename(instance: models.Model, filename: str) -> str:
        return free_name(field, instance, str(generate(instance, filename)))

    vars(field).update({_WRAPPED: True, "generate_filename": generate_filename})


def free_name(field: FileField, row: models.Model, name: str) -> str:
    """Return the name, or a similar one if its key has an open entry."""
    try:
        alias = alias_of(row, field)
        if _is_not_connected() and stores_for_another_thread(alias):
            return name
        file = file_key(alias, name)
    except ImproperlyConfigured:
        return name  # no purge reaches a storage without an alias; a system check reports the field
    if file is None or not any(entry.state in OPEN_STATES for entry in entries_of([file])):
        return name
    folder, last = posixpath.split(name)
    ending = "".join(PurePosixPath(last).suffixes)
    storage: Any = storages[alias]
    return posixpath.join(folder, storage.get_alternative_name(last.removesuffix(ending), ending))


def _is_not_connected() -> bool:
    return connections[log_database()].connection is None
