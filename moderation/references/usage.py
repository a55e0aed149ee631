"""Find the live rows that use a key, through their file fields and their extra files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from django.core.files.storage import InvalidStorageError

from moderation.models import StorageIdentity
from moderation.redaction import clean
from moderation.references.extra_files import add_usage_of_extra_files
from moderation.references.search import Usage, find_usage
from moderation.references.wanted import WantedFile, WantedKeys
from moderation.storage.resolve import adapter_for

# Seconds between two clearings of a storage's problem; otherwise each claim would run the query.
CLEAR_INTERVAL = 10.0

_next_clear: dict[str, float] = {}


class Entry(WantedFile, Protocol):
    """The attributes of an audit entry that the search needs."""

    @property
    def row_names(self) -> Mapping[str, Sequence[str]] | None:
        """Return `AuditEntry.row_names`."""


def usage_of(storage: str, entries: Iterable[Entry]) -> Usage:
    """Return the entries' keys that live rows use, and the keys for which this is unknown.

    Columns that cannot be searched are recorded in the StorageIdentity until all can be searched
    again. If the storage is no longer in STORAGES, no key is used or unknown, because its identity
    cannot be verified anyway. If it cannot be created now, all keys are unknown, because it may be
    verified shortly afterwards.
    """
    entries = list(entries)
    try:
        wanted = WantedKeys(adapter_for(storage), entries)
    except InvalidStorageError:
        return Usage()
    except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
        usage = Usage()
        usage.fail({entry.key for entry in entries}, f"{type(error).__name__}: {error}")
        _save_problems(storage, usage.problems)
        return usage
    usage = find_usage(wanted)
    row_names = {entry.key: entry.row_names for entry in entries if entry.row_names}
    add_usage_of_extra_files(wanted, row_names, usage)
    usage.unknown = {k: why for k, why in usage.unknown.items() if k not in usage.users}
    _save_problems(storage, usage.problems)
    return usage


def _save_problems(storage: str, problems: list[str]) -> None:
    text = clean("; ".join(dict.fromkeys(problems)))
    now = time.monotonic()
    if not text and now < _next_clear.get(storage, now):
        return
    _next_clear[storage] = now if text else now + CLEAR_INTERVAL
    StorageIdentity.objects.filter(alias=storage).exclude(reference_problem=text).update(
        reference_problem=text
    )
