"""Keys of the audit log that a row names again: what is open about them, and their lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.files.storage import storages
from django.db import models, router

from moderation.database_time import DatabaseNow
from moderation.models import AuditEntry
from moderation.models.audit import ERROR_LENGTH, OPEN_STATES, EntryState
from moderation.storage import adapter_for

# How long a key is left alone for the row that is about to name it: an INSERT takes less, and where
# it fails the file is erased that much later.
RESERVED = timedelta(minutes=1)
# The bytes are not at their name any more. What is found there was stored since.
GONE = (EntryState.ERASED, EntryState.HIDDEN)
WATCHED = (*OPEN_STATES, EntryState.ERASED, EntryState.KEPT)


class FileKey(NamedTuple):
    """A file as a storage sees it, and the name by which a row has it."""

    storage: str
    key: str
    name: str

    def is_of(self, entry: KnownEntry) -> bool:
        """Whether an entry is about this file; two aliases may lead to one place."""
        if entry.key != self.key:
            return False
        return entry.storage == self.storage or _place_of(entry.storage) == _place_of(self.storage)


class KnownEntry(NamedTuple):
    """The columns of an entry that say whether its file may still be there."""

    pk: int
    storage: str
    key: str
    state: str
    leased_until: datetime | None
    attempts: int
    failed_at: datetime | None

    def is_taken(self, stored_again: AbstractSet[int]) -> bool:
        """Whether the bytes may be gone. `stored_again`: entries whose key holds a newer file.

        A lease that ran out is that of a worker that was killed, perhaps after the storage had
        obeyed; a request that failed may have been obeyed as well.
        """
        if self.state in GONE:
            return self.pk not in stored_again
        if self.state == EntryState.KEPT:
            return False
        was_asked_for = self.leased_until or self.attempts or self.failed_at
        return bool(was_asked_for) or self.state != EntryState.PENDING


COLUMNS = tuple(KnownEntry.__annotations__)


def home() -> str:
    """The database of the audit log."""
    return router.db_for_write(AuditEntry)


def file_key(alias: str, name: str) -> FileKey | None:
    """Return the file behind a name; None where it can name nothing."""
    adapter = adapter_for(alias)
    try:
        return FileKey(alias, adapter.key(name), name)
    except ValueError:
        return None


def entries_of(files: Iterable[FileKey]) -> list[KnownEntry]:
    """Return what the log says about some files, in one query and without a lock."""
    return _read(files, _watched())


def lock_entries_of(files: Iterable[FileKey]) -> list[KnownEntry]:
    """Return the same, with the rows locked until the end of the log's transaction."""
    return _read(files, _watched().select_for_update().order_by("pk"))  # as all who lock several


def stored_again(
    files: Iterable[FileKey], entries: Sequence[KnownEntry], known: AbstractSet[int]
) -> set[int]:
    """Ask the storage about files that were erased; return the entries whose key has a newer one.

    This is the one question to a storage that may come inside a transaction. It is asked for a key
    that a row is about to name and whose bytes a removal took, once, and never for another. Raises
    the storage's own error.
    """
    found = set(known)
    for file in dict.fromkeys(files):
        own = [entry for entry in entries if file.is_of(entry)]
        gone = {entry.pk for entry in own if entry.state in GONE} - found
        is_open = any(entry.is_taken(found) for entry in own if entry.state not in GONE)
        if gone and not is_open and _is_stored(file):
            found |= gone
    return found


def reserve(entries: Iterable[KnownEntry]) -> None:
    """Put off the pending ones among locked entries, so that no purge claims them for a minute."""
    until = DatabaseNow(RESERVED)
    _pending(entries).filter(due_at__lt=until).update(due_at=until)


def keep(entries: Iterable[KnownEntry], user: str) -> None:
    """Turn the pending ones among locked entries into ones that are in use by a row."""
    _pending(entries).update(
        state=EntryState.KEPT,
        kept_at=DatabaseNow(),
        kept_because=f"{user} uses the file again"[:ERROR_LENGTH],
    )


def _watched() -> models.QuerySet[AuditEntry]:
    return AuditEntry.objects.using(home()).filter(state__in=WATCHED)


def _read(files: Iterable[FileKey], entries: models.QuerySet[AuditEntry]) -> list[KnownEntry]:
    by_key: dict[str, list[FileKey]] = {}
    for file in files:
        by_key.setdefault(file.key, []).append(file)
    rows = entries.filter(key__any_of=set(by_key)).values_list(*COLUMNS)
    known = [KnownEntry(*row) for row in rows]
    return [entry for entry in known if any(file.is_of(entry) for file in by_key[entry.key])]


def _pending(entries: Iterable[KnownEntry]) -> models.QuerySet[AuditEntry]:
    keys = {entry.pk for entry in entries if entry.state == EntryState.PENDING}
    return AuditEntry.objects.using(home()).filter(pk__any_of=keys, state=EntryState.PENDING)


def _place_of(alias: str) -> object:
    """Where a storage really writes; the alias where it is in STORAGES no more, or is broken."""
    try:
        return adapter_for(alias).real_location()
    except Exception:  # noqa: BLE001 - another storage's trouble is none of the row's that is saved
        return alias


def _is_stored(file: FileKey) -> bool:
    try:
        return storages[file.storage].exists(file.name)
    except NotImplementedError:  # a storage without this look: the file counts as gone
        return False
