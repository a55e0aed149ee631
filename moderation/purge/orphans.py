"""Find files in storage that no live row and no open audit entry refers to.

An upload that is killed between writing the file and the commit leaves one behind. Nothing is
deleted here: other programs may keep files in the same storage, so a person decides.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.core.files.storage import Storage, storages

from moderation.models import AuditEntry
from moderation.references.extra_files import fingerprint, fingerprints_of_extra_files
from moderation.references.usage import usage_of
from moderation.storage import adapter_for
from moderation.storage.base import IDENTITY_FILE
from moderation.storage.transactions import refuse_inside_transaction

# Number of names that are looked up with one query per file field.
PAGE = 1000


class Orphan(NamedTuple):
    """A file that nothing refers to; `modified_at` is the storage's time."""

    name: str
    modified_at: datetime


class _File(NamedTuple):
    """A file with the attributes that `usage_of` expects of an audit entry."""

    key: str
    name: str
    row_names: None = None


def orphans(alias: str, *, prefix: str, older_than: datetime) -> Iterator[Orphan]:
    """Yield the files below `prefix` that nothing refers to and that are older than `older_than`.

    A newer file may belong to an upload that is still running. Memory grows with the largest folder
    and, by 8 bytes a file, with the extra files of live rows. Raises the errors of the storage and
    of an `extra_files` function, UnreachableDatabase, and RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    storage = storages[alias]
    extra_files = fingerprints_of_extra_files(alias)
    names = _files(storage, prefix.strip("/"))
    while page := list(islice(names, PAGE)):
        for name in _unreferenced(alias, page, extra_files):
            try:
                modified_at = storage.get_modified_time(name)
            except FileNotFoundError:
                continue  # deleted since it was listed
            if modified_at < older_than:
                yield Orphan(name, modified_at)


def _files(storage: Storage, folder: str) -> Iterator[str]:
    folders, files = storage.listdir(folder)
    for file in sorted(files):
        # Identity files are not orphans, even those of storages inside this one.
        if file and file != IDENTITY_FILE:
            yield posixpath.join(folder, file)
    for subfolder in sorted(filter(None, folders)):
        yield from _files(storage, posixpath.join(folder, subfolder))


def _unreferenced(alias: str, page: list[str], extra_files: AbstractSet[int]) -> list[str]:
    adapter = adapter_for(alias)
    names = page
    if extra_files:
        names = [name for name in page if fingerprint(adapter, name) not in extra_files]
    usage = usage_of(alias, [_File(adapter.key(name), name) for name in names])
    excluded = usage.users.keys() | usage.unknown.keys()
    keys = {key: name for name in names if (key := adapter.key(name)) not in excluded}
    entries = AuditEntry.objects.filter(storage=alias, key__any_of=set(keys))
    for key in entries.not_final().values_list("key", flat=True):
        keys.pop(key, None)
    return list(keys.values())
