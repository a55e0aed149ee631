"""Claim due audit entries, in a short transaction that ends before a storage is called."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models.functions import Cast

from moderation import conf
from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.lifecycle.entries import reopen
from moderation.models import AuditEntry
from moderation.purge.in_use import mark_used_entries
from moderation.purge.queue import Claim, Claimed, StorageRef, ended_lease
from moderation.references.usage import usage_of
from moderation.storage import adapter_for

# The share of a claim for keys that failed before, which may each need a separate request.
SHARE_OF_RETRIES = 0.25
# How long an entry waits when another worker has claimed an entry of the same key.
CLAIMED_ELSEWHERE = timedelta(seconds=1)


def claim(limit: int, ref: StorageRef | None = None) -> Claim | None:
    """Claim up to `limit` due keys of one storage, or of `ref`; return None if nothing is due.

    Claim at most as many keys as the adapter handles together, so that the workers share the work
    of a slow storage. A key that a live row uses is marked as in use, under the entry's lock. It is
    rescheduled instead if its removal still has batches to run, since the next one may delete that
    row too, or if a model that may use it could not be searched. The claim has no entries if all of
    them are in use or rescheduled.
    """
    with transaction.atomic():
        for each in [ref] if ref else _due_storages():
            if due := _lock(each, min(limit, _claim_size(each.storage))):
                entries = _with_other_entries_of_their_keys(each, due)
                # Only after all locks are held: whoever deletes the last row that uses a key after
                # this search writes a pending entry, which is claimed after this one.
                usage = usage_of(each.storage, entries)
                leased = [entry for entry in entries if entry.is_leased]
                removals = mark_used_entries(leased, usage)
                excluded = usage.users.keys() | usage.unknown.keys()
                free = [entry for entry in entries if entry.key not in excluded]
                free += _reopened(each, free)
                return Claim(each, tuple(free), removals, lease(free))
    return None


def lease(entries: Iterable[Claimed]) -> datetime:
    """Lease entries, so that no other worker claims them before the time returned."""
    until = _end_of_new_lease()
    pending = AuditEntry.objects.pending()
    leased = {entry.pk for entry in entries if entry.is_leased}
    pending.filter(pk__any_of=leased).update(leased_until=until)
    return until


def renew(entries: Iterable[Claimed], leases: Collection[datetime]) -> tuple[datetime, bool]:
    """Renew the lease on the entries that still have one of the `leases`.

    Return the new lease, and whether it covers all entries. If not, another worker has taken over
    some of them.
    """
    until = _end_of_new_lease()
    leased = {entry.pk for entry in entries if entry.is_leased}
    ours = AuditEntry.objects.with_lease(leases)
    return until, ours.filter(pk__any_of=leased).update(leased_until=until) == len(leased)


def _end_of_new_lease() -> datetime:
    return server_time.now() + timedelta(seconds=conf.lease_seconds())


def reschedule(
    entries: Iterable[Claimed],
    pause: timedelta,
    leases: Collection[datetime],
    *,
    sent: bool = False,
) -> None:
    """Release entries that have no outcome, and make them due again after `pause`.

    `sent` says that a request for them was sent, so that their files may have been erased. Entries
    with none of the `leases` now belong to another worker and do not change.
    """
    ours = AuditEntry.objects.with_lease(leases)
    leased = [entry for entry in entries if entry.is_leased]
    for may_be_erased in (True, False):
        pks = {entry.pk for entry in leased if (sent or entry.may_be_erased) is may_be_erased}
        ours.filter(pk__any_of=pks).update(
            leased_until=ended_lease(may_be_erased=may_be_erased), due_at=DatabaseNow(pause)
        )


def _due_storages() -> Iterator[StorageRef]:
    """Yield the storages with due entries, starting with the one that has the oldest entry."""
    due = AuditEntry.objects.due().order_by("due_at")
    while first := due.values_list("storage", "identity").first():
        ref = StorageRef(*first)
        yield ref
        due = due.exclude(storage=ref.storage, identity=ref.identity)


def _claim_size(storage: str) -> int:
    """Return how many keys to claim for a storage, or a default if it cannot be created.

    The error is reported when its identity is verified or its files are searched for users.
    """
    try:
        return adapter_for(storage).claim_size
    except Exception:  # noqa: BLE001 - any storage's error; it must not delay other storages
        return conf.request_keys()


def _lock(ref: StorageRef, limit: int) -> list[Claimed]:
    """Lock up to `limit` due entries of a storage: new ones first, then those that failed before.

    However many keys failed, and however old they are, they get only a share of a claim while
    others wait. Among them, those with the fewest attempts come first.
    """
    due = AuditEntry.objects.due().in_storage(*ref)
    due = due.select_for_update(skip_locked=True)
    failed = due.exclude(error_code="").order_by("attempts", "due_at", "pk")
    share = max(1, int(limit * SHARE_OF_RETRIES))
    retries = _read(failed[:share])
    new = due.filter(error_code="").order_by("due_at", "pk")
    first_tries = _read(new[: max(1, limit - len(retries))])
    if len(retries) == share and (room := limit - len(first_tries) - share) > 0:
        retries += _read(failed.exclude(pk__any_of={e.pk for e in retries})[:room])
    return first_tries + retries


def _with_other_entries_of_their_keys(ref: StorageRef, due: list[Claimed]) -> list[Claimed]:
    """Return the entries and the other pending entries of their keys, which share one outcome.

    Entries that are not due yet are locked too, if they are free. A key that another worker has
    claimed is left out and rescheduled.
    """
    pending = AuditEntry.objects.pending().in_storage(*ref)
    rest = pending.filter(key__any_of={e.key for e in due}).exclude(pk__any_of={e.pk for e in due})
    if not (others := {entry.pk: entry for entry in _read(rest)}):
        return due
    free = AuditEntry.objects.free().filter(pk__any_of=set(others)).order_by("pk")
    locked = due + _read(free.select_for_update(skip_locked=True))
    for entry in locked:
        others.pop(entry.pk, None)
    elsewhere = _keys_claimed_elsewhere(locked, others.values())
    postponed = {entry.pk for entry in locked if entry.key in elsewhere}
    AuditEntry.objects.filter(pk__any_of=postponed).update(due_at=DatabaseNow(CLAIMED_ELSEWHERE))
    # `is_leased` is the last field.
    unlocked = [Claimed(*entry[:-1], is_leased=False) for entry in others.values()]
    return [entry for entry in locked + unlocked if entry.key not in elsewhere]


def _reopened(ref: StorageRef, free: Iterable[Claimed]) -> list[Claimed]:
    """Reopen and return the "in use" entries of keys that no row uses any more."""
    in_use = AuditEntry.objects.in_use_by_rows().in_storage(*ref)
    if not in_use.exists():
        return []
    in_use = in_use.filter(key__any_of={entry.key for entry in free})
    unused = _read(in_use.order_by("pk").select_for_update(skip_locked=True))
    reopen({entry.pk: entry.removal for entry in unused})
    return unused


def _keys_claimed_elsewhere(locked: list[Claimed], others: Iterable[Claimed]) -> set[str]:
    """Return the keys that another worker claims, judging by the entries that could not be locked.

    Such a key has an entry with a lease that has not expired. If two workers claim a key at the
    same moment, it belongs to the worker that locked its first entry.
    """
    now = server_time.now()
    first = {entry.key: entry.pk for entry in sorted(locked, reverse=True)}
    return {
        entry.key
        for entry in others
        if entry.pk < first[entry.key] or (entry.leased_until and entry.leased_until >= now)
    }


def _read(entries: models.QuerySet[AuditEntry]) -> list[Claimed]:
    # Read as text, the JSON of the many entries without versions need not be parsed.
    versions, row_names = (Cast(name, models.TextField()) for name in ("versions", "row_names"))
    columns = ("pk", "key", "name", versions, "removal", "leased_until", row_names)
    return [
        Claimed(
            pk,
            key,
            name,
            [] if text == "[]" else json.loads(text),
            removal,
            leased_until,
            row_names and json.loads(row_names),
        )
        for pk, key, name, text, removal, leased_until, row_names in entries.values_list(*columns)
    ]
