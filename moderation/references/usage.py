"""Find the live rows that use a key, through their file fields and their extra files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from django.core.files.storage import InvalidStorageError

from moderation.models import StorageIdentity
from moderation.redaction import clean
from moderation.references.extra_files import find_users_of_extra_files
from moderation.references.search import Usage, find_users
from moderation.references.wanted import Wanted
from moderation.storage.resolve import adapter_for

# Seconds for which a process does not clear the problem again, as every claim otherwise would.
CLEAR_FOR = 10.0

_clear_until: dict[str, float] = {}


class Entry(Protocol):
    """The attributes of an audit entry that the search needs."""

    @property
    def key(self) -> str:
        """Return the full key."""

    @property
    def name(self) -> str:
        """Return the name in its storage."""

    @property
    def beside(self) -> Mapping[str, Sequence[str]] | None:
        """Return `AuditEntry.beside`."""


def usage_of(storage: str, entries: Iterable[Entry]) -> Usage:
    """Return the entries' keys that live rows use, and the keys for which this is unknown.

    Columns that cannot be searched are recorded in the StorageIdentity until all can be searched
    again. If the storage is no longer in STORAGES, no key is used or unknown, because its identity
    cannot be verified anyway. If it cannot be created now, all keys are unknown, because it may be
    verified shortly afterwards.
    """
    entries = list(entries)
    try:
        wanted = Wanted(adapter_for(storage), entries)
    except InvalidStorageError:
        return Usage()
    except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
        usage = Usage()
        usage.fail({entry.key for entry in entries}, f"{type(error).__name__}: {error}")
        _note_problems(storage, usage.problems)
        return usage
    usage = find_users(wanted)
    beside = {entry.key: entry.beside for entry in entries if entry.beside}
    find_users_of_extra_files(wanted, beside, usage)
    usage.unknown = {k: why for k, why in usage.unknown.items() if k not in usage.users}
    _note_problems(storage, usage.problems)
    return usage


def _note_problems(storage: str, problems: list[str]) -> None:
    text = clean("; ".join(dict.fromkeys(problems)))
    now = time.monotonic()
    if not text and now < _clear_until.get(storage, now):
        return
    _clear_until[storage] = now if text else now + CLEAR_FOR
    StorageIdentity.objects.filter(alias=storage).exclude(reference_problem=text).update(
        reference_problem=text
    )
