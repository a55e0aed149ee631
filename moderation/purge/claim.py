"""Claiming due entries: the work list's short transaction, before storage is called."""

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
from moderation.purge.in_use import decide
from moderation.purge.queue import Claim, Claimed, StorageRef
from moderation.references.usage import usage_of
from moderation.storage import adapter_for

# The share of a claim for keys that failed before, which may each need a separate request.
SHARE_OF_TRIED = 0.25
# How long an entry waits when another worker has an entry of the same key in hand.
CLAIMED_ELSEWHERE = timedelta(seconds=1)


def claim(limit: int, ref: StorageRef | None = None) -> Claim | None:
    """Claim up to `limit` due keys of one storage, or of `place`; return None if nothing is due.

    Claims at most as many keys as the adapter handles together, so that the workers share the work
    of a slow storage. A key that a live row uses is kept, under the entry's lock. It is put off
    instead if its removal still has batches to run, since the next one may delete that row too, or
    if a model that may use it could not be searched. The batch may have no entries, if all were
    kept or put off.
    """
    with transaction.atomic():
        for each in [ref] if ref else _due_storages():
            if due := _lock(each, min(limit, _at_once(each.storage))):
                entries = _with_other_entries_of_their_keys(each, due)
                # Only after all locks are held: whoever deletes the last row that uses a key after
                # this search writes a pending entry, which is claimed after this one.
                usage = usage_of(each.storage, entries)
                settled = decide([entry for entry in entries if entry.is_held], usage)
                left = usage.users.keys() | usage.unknown.keys()
                free = [entry for entry in entries if entry.key not in left]
                free += _reopened(each, free)
                return Claim(each, tuple(free), settled, hold(free))
    return None


def hold(entries: Iterable[Claimed]) -> datetime:
    """Lease entries from now on, or longer: nobody else takes them up until the time given."""
    until = _lease_from_now()
    pending = AuditEntry.objects.pending()
    held = {entry.pk for entry in entries if entry.is_held}
    pending.filter(pk__any_of=held).update(leased_until=until)
    return until


def renew(entries: Iterable[Claimed], leases: Collection[datetime]) -> tuple[datetime, bool]:
    """Renew the lease on entries that are still held under one of the `leases`.

    Return the new lease, and whether it covers all of them. If not, another worker took some over.
    """
    until = _lease_from_now()
    held = {entry.pk for entry in entries if entry.is_held}
    ours = AuditEntry.objects.with_lease(leases)
    return until, ours.filter(pk__any_of=held).update(leased_until=until) == len(held)


def _lease_from_now() -> datetime:
    return server_time.now() + timedelta(seconds=conf.lease_seconds())


def reschedule(
    entries: Iterable[Claimed],
    pause: timedelta,
    leases: Collection[datetime],
    *,
    sent: bool = False,
) -> None:
    """Release entries without an outcome; they are due again after the pause.

    `sent` says that a request for them was sent, so that their files may have been erased.

    Entries that another worker holds now, under none of the `leases`, are left alone. An entry that
    a worker held before keeps an expired lease: its file may have been erased
    (moderation.recording.key_entries).
    """
    ours = AuditEntry.objects.with_lease(leases)
    keys: dict[bool, set[int]] = {True: set(), False: set()}
    for entry in entries:
        if entry.is_held:
            keys[sent or entry.was_leased].add(entry.pk)
    for was_leased, same in keys.items():
        ours.filter(pk__any_of=same).update(
            leased_until=DatabaseNow() if was_leased else None, due_at=DatabaseNow(pause)
        )


def _due_storages() -> Iterator[StorageRef]:
    """Yield the storages with due entries, that with the oldest first."""
    due = AuditEntry.objects.due().order_by("due_at")
    while first := due.values_list("storage", "identity").first():
        ref = StorageRef(*first)
        yield ref
        due = due.exclude(storage=ref.storage, identity=ref.identity)


def _at_once(storage: str) -> int:
    """The keys that an adapter wants at once; any number for a storage that cannot be built.

    The proof of its identity will say that, or the look for users of its files.
    """
    try:
        return adapter_for(storage).claim_size
    except Exception:  # noqa: BLE001 - any storage's; the others have their turn all the same
        return conf.request_keys()


def _lock(ref: StorageRef, limit: int) -> list[Claimed]:
    """Lock up to `limit` due entries of a storage: new ones first, then those that failed before.

    However many keys failed, and however old they are, they get only a share of a claim while
    others wait. Those with the fewest attempts come first.
    """
    due = AuditEntry.objects.due().in_storage(*ref)
    due = due.select_for_update(skip_locked=True)
    tried = due.exclude(error_code="").order_by("attempts", "due_at", "pk")
    share = max(1, int(limit * SHARE_OF_TRIED))
    again = _read(tried[:share])
    fresh = _read(due.filter(error_code="").order_by("due_at", "pk")[: max(1, limit - len(again))])
    if len(again) == share and (room := limit - len(fresh) - share) > 0:
        again += _read(tried.exclude(pk__any_of={e.pk for e in again})[:room])
    return fresh + again


def _with_other_entries_of_their_keys(ref: StorageRef, due: list[Claimed]) -> list[Claimed]:
    """With the entries the other pending ones of their keys: all entries of a key move together.

    Those that are not due yet are locked too, if nobody has them. A key that another worker has in
    hand is left out and put off.
    """
    pending = AuditEntry.objects.pending().in_storage(*ref)
    rest = pending.filter(key__any_of={e.key for e in due}).exclude(pk__any_of={e.pk for e in due})
    if not (others := {entry.pk: entry for entry in _read(rest)}):
        return due
    free = AuditEntry.objects.free().filter(pk__any_of=set(others)).order_by("pk")
    held = due + _read(free.select_for_update(skip_locked=True))
    for entry in held:
        others.pop(entry.pk, None)
    elsewhere = _keys_claimed_elsewhere(held, others.values())
    left = {entry.pk for entry in held if entry.key in elsewhere}
    AuditEntry.objects.filter(pk__any_of=left).update(due_at=DatabaseNow(CLAIMED_ELSEWHERE))
    seen = [Claimed(*entry[:-1], is_held=False) for entry in others.values()]  # the last field
    return [entry for entry in held + seen if entry.key not in elsewhere]


def _reopened(ref: StorageRef, free: Iterable[Claimed]) -> list[Claimed]:
    """Return the kept entries of keys that no row uses any more, to be claimed with the others."""
    same = AuditEntry.objects.in_use_by_rows().in_storage(*ref)
    if not same.exists():
        return []
    same = same.filter(key__any_of={entry.key for entry in free})
    kept = _read(same.order_by("pk").select_for_update(skip_locked=True))
    reopen({entry.pk: entry.removal for entry in kept})
    return kept


def _keys_claimed_elsewhere(held: list[Claimed], others: Iterable[Claimed]) -> set[str]:
    """Return the keys that another worker has, by the entries that could not be locked.

    Such a key has one with a lease; or two workers claim it at the same moment, and it is his who
    locked its first entry.
    """
    now = server_time.now()
    first = {entry.key: entry.pk for entry in sorted(held, reverse=True)}
    return {
        entry.key
        for entry in others
        if entry.pk < first[entry.key] or (entry.lease and entry.lease >= now)
    }


def _read(entries: models.QuerySet[AuditEntry]) -> list[Claimed]:
    # Hardly any entry has them; read as text, they need not be parsed.
    versions, beside = (Cast(name, models.TextField()) for name in ("versions", "beside"))
    columns = ("pk", "key", "name", versions, "removal", "leased_until", beside)
    return [
        Claimed(
            pk,
            key,
            name,
            [] if text == "[]" else json.loads(text),
            removal,
            lease,
            beside and json.loads(beside),
        )
        for pk, key, name, text, removal, lease, beside in entries.values_list(*columns)
    ]
