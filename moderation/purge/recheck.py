"""Check entries that are in use again, because their files may not be in use any more.

The row that used the file may disappear without an entry: it belongs to an unregistered model, was
deleted by SQL, or was never committed. One check is not enough, since a database that is being
restored gets its rows only a moment later. So an entry is due again only after two checks, some
time apart, have found the file unused and the storage verified. The purge then checks once more,
under locks.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from moderation import conf
from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.lifecycle.entries import reopen
from moderation.models import AuditEntry
from moderation.references.usage import usage_of
from moderation.storage import WrongStorage, verify_identity
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# A file that has been in use for this long is checked only at this interval.
DAY = timedelta(days=1)
# For entries that are in use because of a newer version of the file, which no row affects.
NEVER = datetime.max.replace(tzinfo=UTC) - DAY


class _InUse(NamedTuple):
    pk: int
    storage: str
    identity: UUID | None
    key: str
    name: str
    row_names: dict[str, list[str]] | None
    in_use_at: datetime | None
    unused_at: datetime | None
    in_use_reason: str
    detail: str

    @property
    def is_used_by_row(self) -> bool:
        """Return whether a row uses the file. Otherwise, a newer version of it exists."""
        return self.in_use_reason != self.detail


def recheck_files_in_use() -> bool:
    """Check one page of entries that are in use; return whether some are due again.

    Raises RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    by_storage: dict[tuple[str, UUID | None], list[_InUse]] = defaultdict(list)
    never = []
    for entry in _page():
        if entry.is_used_by_row:
            by_storage[entry.storage, entry.identity].append(entry)
        else:
            never.append(entry.pk)
    _recheck_at(NEVER, never)
    reopened = [_recheck(*ref, entries) for ref, entries in by_storage.items()]
    return any(reopened)


def _page() -> list[_InUse]:
    """Return entries that were not checked again yet, or else those that are due for a check."""
    in_use = AuditEntry.objects.in_use().order_by("recheck_at")
    for due in (in_use.filter(recheck_at=None), in_use.filter(recheck_at__lte=DatabaseNow())):
        if page := due.values_list(*_InUse.__annotations__)[: conf.request_keys()]:
            return [_InUse(*row) for row in page]
    return []


def _recheck(storage: str, identity: UUID | None, entries: list[_InUse]) -> bool:
    """Check entries of one storage again; return whether some are due again."""
    usage = usage_of(storage, entries)
    now, pause = server_time.now(), timedelta(minutes=conf.recheck_minutes())
    used = [entry for entry in entries if entry.key in usage.users]
    old = [entry.pk for entry in used if entry.in_use_at and entry.in_use_at < now - DAY]
    _recheck_at(now + max(pause, DAY), old, unused_at=None)
    _recheck_at(now + pause, {entry.pk for entry in used} - set(old), unused_at=None)
    _recheck_at(now + pause, [entry.pk for entry in entries if entry.key in usage.unknown])
    unused = [e for e in entries if e.key not in usage.users and e.key not in usage.unknown]
    if not unused or not _is_verified(storage, identity):
        _recheck_at(now + pause, [entry.pk for entry in unused])
        return False
    confirmed = [e for e in unused if e.unused_at and e.unused_at <= now - pause]
    _recheck_at(now + pause, [e.pk for e in unused if not e.unused_at], unused_at=now)
    _recheck_at(now + pause, [e.pk for e in unused if e.unused_at and e not in confirmed])
    return _reopen(storage, identity, {entry.key for entry in confirmed})


def _is_verified(storage: str, identity: UUID | None) -> bool:
    """Return whether the storage is the right one, not an unmounted disk or another site's."""
    try:
        verify_identity(storage, identity)
    except WrongStorage as wrong:
        logger.warning("Files in use in storage %s are not checked again: %s", storage, wrong)
        return False
    return True


def _recheck_at(when: datetime, pks: Collection[int], **changes: datetime | None) -> None:
    if pks:
        in_use = AuditEntry.objects.in_use().filter(pk__any_of=pks)
        in_use.update(recheck_at=when, **changes)


def _reopen(storage: str, identity: UUID | None, keys: set[str]) -> bool:
    """Make entries of some keys pending again, except those that are locked at the moment."""
    with transaction.atomic():
        in_use = AuditEntry.objects.in_use_by_rows().in_storage(storage, identity)
        in_use = in_use.filter(key__any_of=keys).order_by("pk")
        found = dict(in_use.select_for_update(skip_locked=True).values_list("pk", "removal"))
        reopen(found)
    return bool(found)
