"""The one place that answers which live row uses a key: by its file fields and its extra files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from django.core.files.storage import InvalidStorageError

from moderation.models import StorageMark
from moderation.purge.extra_files import find_users_of_extra_files
from moderation.purge.references import Usage, find_users
from moderation.purge.wanted import Wanted
from moderation.purge.words import clean
from moderation.storage.choice import adapter_for

# Seconds for which a process does not write again that there is no problem, which it would do with
# every claim.
CLEAR_FOR = 10.0

_clear_until: dict[str, float] = {}


class Entry(Protocol):
    """What is read of an audit entry to answer it."""

    @property
    def key(self) -> str:
        """The full key."""

    @property
    def name(self) -> str:
        """The name by which its storage knows it."""

    @property
    def beside(self) -> Mapping[str, Sequence[str]] | None:
        """See `AuditEntry.beside`."""


def usage_of(storage: str, entries: Iterable[Entry]) -> Usage:
    """Return which of the entries' keys live rows use, and of which it cannot be known now.

    What cannot be asked is noted in the storage's mark, and the note goes when all could be asked.
    Of a storage that is no more nothing is found: the proof of its identity fails. Of one that
    cannot be built now nothing is known: the proof may succeed a moment later.
    """
    entries = list(entries)
    try:
        wanted = Wanted(adapter_for(storage), entries)
    except InvalidStorageError:
        return Usage()
    except Exception as error:  # noqa: BLE001 - a storage of a site's own raises what it likes
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
    StorageMark.objects.filter(alias=storage).exclude(reference_problem=text).update(
        reference_problem=text
    )
