"""Read, lock and update the audit entries of the keys that a row reuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.files.storage import storages
from django.db import router

from moderation.db.server_time import DatabaseNow
from moderation.lifecycle import entries as lifecycle
from moderation.models import AuditEntry
from moderation.models.querysets import AuditEntryQuerySet
from moderation.models.states import EntryState
from moderation.storage import adapter_for

# How long a key is reserved for a row that is about to use it. An INSERT is faster than this; if it
# fails, the file is erased that much later.
RESERVATION = timedelta(minutes=1)
# In these states, the file is no longer stored under its name. A file with this name is newer.
ERASED_STATES = (EntryState.ERASED, EntryState.HIDDEN)


class FileKey(NamedTuple):
    """A file's key in its storage, and its name in a row."""

    storage: str
    key: str
    name: str

    def is_of(self, entry: KnownEntry) -> bool:
        """Return whether an entry belongs to this file, even if it has another storage alias."""
        if entry.key != self.key:
            return False
        if entry.storage == self.storage:
            return True
        return _location_of(entry.storage) == _location_of(self.storage)


class KnownEntry(NamedTuple):
    """The columns of an entry that show whether its file may still exist."""

    pk: int
    storage: str
    key: str
    state: str
    leased_until: datetime | None
    attempts: int
    failed_at: datetime | None

    def is_taken(self, superseded: AbstractSet[int]) -> bool:
        """Return whether the file may have been erased already.

        `superseded` contains the entries whose key has a newer file. A request that failed may
        have deleted the file nevertheless, and so may a worker whose lease has expired.
        """
        if self.state in ERASED_STATES:
            return self.pk not in superseded
        if self.state == EntryState.IN_USE:
            return False
        was_requested = self.leased_until or self.attempts or self.failed_at
        return bool(was_requested) or self.state != EntryState.PENDING


COLUMNS = tuple(KnownEntry.__annotations__)


def log_database() -> str:
    """Return the alias of the audit log's database."""
    return router.db_for_write(AuditEntry)


def file_key(alias: str, name: str) -> FileKey | None:
    """Return the key of the file with this name, or None if the name is invalid in the storage."""
    adapter = adapter_for(alias)
    try:
        return FileKey(alias, adapter.key(name), name)
    except ValueError:
        return None


def entries_of(files: Iterable[FileKey]) -> list[KnownEntry]:
    """Return the entries of the files, in one query and without locking them."""
    return _read(files, _checked())


def lock_entries_of(files: Iterable[FileKey]) -> list[KnownEntry]:
    """Return the entries of the files, locked until the end of the log's transaction."""
    return _read(files, _checked().select_for_update().order_by("pk"))  # lock order


def superseded_entries(
    files: Iterable[FileKey], entries: Sequence[KnownEntry], known: AbstractSet[int]
) -> set[int]:
    """Return `known` and the entries of erased files whose key has a newer file in the storage.

    This is the only request to a storage that is allowed inside a transaction. It is made once for
    each key that a row reuses after a removal erased its file, and for no other key. Raises the
    storage's own error.
    """
    found = set(known)
    for file in dict.fromkeys(files):
        own = [entry for entry in entries if file.is_of(entry)]
        erased = {entry.pk for entry in own if entry.state in ERASED_STATES} - found
        is_open = any(entry.is_taken(found) for entry in own if entry.state not in ERASED_STATES)
        if erased and not is_open and _is_stored(file):
            found |= erased
    return found


def reserve(entries: Iterable[KnownEntry]) -> None:
    """Reschedule locked entries that are pending, so that no purge claims them for a minute."""
    until = DatabaseNow(RESERVATION)
    _pending(entries).filter(due_at__lt=until).update(due_at=until)


def mark_in_use(entries: Iterable[KnownEntry], user: str) -> None:
    """Mark locked entries that are pending as in use by a row."""
    lifecycle.mark_in_use(_pending(entries), reason=f"{user} uses the file again")


def _checked() -> AuditEntryQuerySet:
    return AuditEntry.objects.using(log_database()).not_restored()


def _read(files: Iterable[FileKey], entries: AuditEntryQuerySet) -> list[KnownEntry]:
    by_key: dict[str, list[FileKey]] = {}
    for file in files:
        by_key.setdefault(file.key, []).append(file)
    rows = entries.filter(key__any_of=set(by_key)).values_list(*COLUMNS)
    known = [KnownEntry(*row) for row in rows]
    return [entry for entry in known if any(file.is_of(entry) for file in by_key[entry.key])]


def _pending(entries: Iterable[KnownEntry]) -> AuditEntryQuerySet:
    keys = {entry.pk for entry in entries if entry.state == EntryState.PENDING}
    return AuditEntry.objects.using(log_database()).pending().filter(pk__any_of=keys)


def _location_of(alias: str) -> object:
    """Return where a storage really writes, or its alias if it is broken or not in STORAGES."""
    try:
        return adapter_for(alias).real_location()
    except Exception:  # noqa: BLE001 - an error of another storage must not fail the save
        return alias


def _is_stored(file: FileKey) -> bool:
    try:
        return storages[file.storage].exists(file.name)
    except NotImplementedError:  # the storage has no `exists()`, so the file counts as erased
        return False
