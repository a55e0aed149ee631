"""Files in storage that nothing names: neither a live row nor an open audit entry.

An upload that is killed between the storage's answer and the commit leaves one. Only looks: what
belongs to another program may lie in the same storage, so a person decides.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.core.files.storage import Storage, storages

from moderation.models import AuditEntry
from moderation.models.audit import FINAL_STATES
from moderation.purge.references import names_in_use
from moderation.storage import adapter_for
from moderation.storage.adapter import MARKER_NAME
from moderation.storage.guard import refuse_inside_transaction

# Names that are looked up with one query for each file field.
PAGE = 1000


class Orphan(NamedTuple):
    """A file that nothing names; `modified_at` as the storage has it."""

    name: str
    modified_at: datetime


def orphans(alias: str, *, prefix: str, older_than: datetime) -> Iterator[Orphan]:
    """Yield the files below a folder of a storage that nothing names, and that are old enough.

    A younger one may belong to an upload that is still under way. Memory does not grow with the
    number of files, only with the width of the folders. Raises the storage's own errors, and
    RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    storage = storages[alias]
    names = _files(storage, prefix.strip("/"))
    while page := list(islice(names, PAGE)):
        for name in _unnamed(alias, page):
            try:
                modified_at = storage.get_modified_time(name)
            except FileNotFoundError:
                continue  # deleted since it was listed
            if modified_at < older_than:
                yield Orphan(name, modified_at)


def _files(storage: Storage, folder: str) -> Iterator[str]:
    folders, files = storage.listdir(folder)
    for file in sorted(files):
        if file and (name := posixpath.join(folder, file)) != MARKER_NAME:
            yield name
    for each in sorted(filter(None, folders)):
        yield from _files(storage, posixpath.join(folder, each))


def _unnamed(alias: str, names: list[str]) -> list[str]:
    used = names_in_use(alias, names)
    adapter = adapter_for(alias)
    keys = {adapter.key(name): name for name in names if name not in used}
    entries = AuditEntry.objects.filter(storage=alias, key__any_of=set(keys))
    for key in entries.exclude(state__in=FINAL_STATES).values_list("key", flat=True):
        keys.pop(key, None)
    return list(keys.values())
