"""Find the live rows that use a key, through their file fields and their extra files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from django.core.files.storage import InvalidStorageError
from django.db import transaction

from moderation.models import StorageIdentity
from moderation.redaction import clean
from moderation.references.extra_files import add_usage_of_extra_files
from moderation.references.search import Usage, find_usage
from moderation.references.wanted import WantedFile, WantedKeys
from moderation.storage.resolve import adapter_for

# Seconds for which a storage without problems is not looked up again, as each claim would do.
READ_INTERVAL = 10.0

_next_read: dict[str, float] = {}


class Entry(WantedFile, Protocol):
    """The attributes of an audit entry that the search needs."""

    @property
    def row_names(self) -> Mapping[str, Sequence[str]] | None:
        """Return `AuditEntry.row_names`."""


def usage_of(storage: str, entries: Iterable[Entry]) -> Usage:
    """Return the entries' keys that live rows use, and the keys for which this is unknown.

    What could not be searched is recorded in the StorageIdentity until it can be searched again. If
    the storage is no longer in STORAGES, no key is used or unknown, because its identity cannot be
    verified anyway. If it cannot be created now, all keys are unknown, because it may be verified
    shortly afterwards.
    """
    entries = list(entries)
    try:
        wanted = WantedKeys(adapter_for(storage), entries)
    except InvalidStorageError:
        return Usage()
    except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
        usage = Usage()
        usage.fail({entry.key for entry in entries}, storage, f"{type(error).__name__}: {error}")
        _save_problems(storage, usage.problems, skipped=None)
        return usage
    usage = find_usage(wanted)
    row_names = {entry.key: entry.row_names for entry in entries if entry.row_names}
    add_usage_of_extra_files(wanted, row_names, usage)
    usage.unknown = {k: why for k, why in usage.unknown.items() if k not in usage.users}
    _save_problems(storage, usage.problems, skipped=usage.skipped)
    return usage


def _save_problems(
    storage: str, problems: Mapping[str, str], *, skipped: AbstractSet[str] | None
) -> None:
    """Save the problems by source; keep those of skipped sources (None: of all others)."""

    def merged(stored: Mapping[str, str]) -> dict[str, str]:
        kept = {s: why for s, why in stored.items() if skipped is None or s in skipped}
        return kept | {source: clean(problem) for source, problem in problems.items()}

    now = time.monotonic()
    if not problems and now < _next_read.get(storage, now):
        return
    identities = StorageIdentity.objects.filter(alias=storage)
    stored = identities.values_list("reference_problems", flat=True).first() or {}
    if merged(stored) != stored:
        with transaction.atomic():
            for identity in identities.select_for_update():
                identity.reference_problems = merged(identity.reference_problems)
                identity.save(update_fields=["reference_problems"])
    _next_read[storage] = now if merged(stored) else now + READ_INTERVAL
