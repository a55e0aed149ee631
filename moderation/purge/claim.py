"""Claiming due entries: the work list's short transaction, before storage is called."""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.core.files.storage import InvalidStorageError
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from moderation import conf, database_time
from moderation.database_time import DatabaseNow
from moderation.models import AuditEntry, Removal
from moderation.models.audit import ERROR_LENGTH, EntryState
from moderation.models.removal import RemovalState
from moderation.purge.references import names_in_use
from moderation.storage import adapter_for

# How long a shared key waits while slices of its removal are left, which may delete its other rows.
UNDECIDED = timedelta(seconds=5)
# Of the keys in a claim, those that failed before: they may each cost a request of their own.
SHARE_OF_TRIED = 0.25
# How long an entry waits when another worker has an entry of the same key in hand.
IN_OTHER_HANDS = timedelta(seconds=1)


class Place(NamedTuple):
    """A storage, and the identity by which it must show to be the one that is meant."""

    storage: str
    identity: UUID | None


class Claimed(NamedTuple):
    """An entry that a worker holds. No model: a purge handles hundreds of thousands.

    `lease` is the one that it found. `is_held`: False for one that was there when its key was
    claimed and could not be locked: its worker lets it go, and what is erased is so for it as well.
    """

    pk: int
    key: str
    name: str
    versions: list[str]
    removal: int | None
    lease: datetime | None
    is_held: bool = True

    @property
    def was_leased(self) -> bool:
        """Whether an earlier worker held it, and may have asked the storage before it died."""
        return self.lease is not None


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one storage that one worker holds until its lease runs out."""

    place: Place
    entries: tuple[Claimed, ...]
    settled: frozenset[int]  # removals of which an entry was kept in the claim itself
    leased_until: datetime


def due_entries() -> models.QuerySet[AuditEntry]:
    """Entries whose time has come and that no worker holds."""
    return free_entries().filter(due_at__lte=DatabaseNow())


def free_entries() -> models.QuerySet[AuditEntry]:
    """Pending entries that no worker holds, whether due or put off."""
    free = Q(leased_until=None) | Q(leased_until__lt=DatabaseNow())
    return AuditEntry.objects.filter(free, state=EntryState.PENDING)


def claim(limit: int, place: Place | None = None) -> Batch | None:
    """Hold up to `limit` due keys of one storage, or of this one; None where nothing is due.

    No more than its adapter wants at once, so that the workers share what a slow storage has.
    A key that a live row uses is kept here, under the entry's lock; while its removal still has
    slices to run, it is put off instead, since the next one may delete that row too. The batch may
    come out without entries, when all were kept or put off.
    """
    with transaction.atomic():
        for each in [place] if place else _due_places():
            if due := _lock(each, min(limit, _at_once(each.storage))):
                # In this order: rows of a slice that is committed in between still count as users.
                users = _users_of_keys(each, due)
                entries = _with_the_rest_of_their_keys(each, due)
                if entries is not due:
                    users |= _users_of_keys(each, entries)  # these may have other names
                used = [entry for entry in entries if entry.key in users and entry.is_held]
                settled = _keep_or_put_off(used, users)
                free = tuple(entry for entry in entries if entry.key not in users)
                return Batch(each, free, settled, hold(free))
    return None


def hold(entries: Iterable[Claimed]) -> datetime:
    """Lease entries from now on, or longer: nobody else takes them up until the time given."""
    until = _lease_from_now()
    pending = AuditEntry.objects.filter(state=EntryState.PENDING)
    held = {entry.pk for entry in entries if entry.is_held}
    pending.filter(pk__any_of=held).update(leased_until=until)
    return until


def renew(entries: Iterable[Claimed], leases: Collection[datetime]) -> tuple[datetime, bool]:
    """Lease entries for longer that are still held under one of the `leases`.

    Return the new lease, and whether it holds for all of them: where it does not, somebody took
    entries over in the meantime.
    """
    until = _lease_from_now()
    held = {entry.pk for entry in entries if entry.is_held}
    ours = AuditEntry.objects.filter(state=EntryState.PENDING, leased_until__in=leases)
    return until, ours.filter(pk__any_of=held).update(leased_until=until) == len(held)


def _lease_from_now() -> datetime:
    return database_time.now() + timedelta(seconds=conf.lease_seconds())


def put_off(
    entries: Iterable[Claimed],
    pause: timedelta,
    leases: Collection[datetime],
    *,
    asked: bool = False,
) -> None:
    """Let go of entries without an outcome; they are due again after the pause.

    `asked`: whether the storage was asked for them, so that their keys may be gone.

    Those that another worker holds by now, under none of the `leases`, are left to it. One that a
    worker held before keeps a lease that has run out: its key may be gone (moderation.reused_keys).
    """
    ours = AuditEntry.objects.filter(state=EntryState.PENDING, leased_until__in=leases)
    keys: dict[bool, set[int]] = {True: set(), False: set()}
    for entry in entries:
        if entry.is_held:
            keys[asked or entry.was_leased].add(entry.pk)
    for was_leased, same in keys.items():
        ours.filter(pk__any_of=same).update(
            leased_until=DatabaseNow() if was_leased else None, due_at=DatabaseNow(pause)
        )


def _due_places() -> Iterator[Place]:
    """The storages with due entries, that with the oldest first."""
    due = due_entries().order_by("due_at")
    while first := due.values_list("storage", "identity").first():
        place = Place(*first)
        yield place
        due = due.exclude(storage=place.storage, identity=place.identity)


def _users_of_keys(place: Place, held: list[Claimed]) -> dict[str, str]:
    """Those of the entries' keys that a live row uses, by whatever name: {key: the row}.

    A live row that spells the name in another way than entry and key is not found.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for entry in held:
        names[entry.name].add(entry.key)
        names[posixpath.normpath(entry.name)].add(entry.key)
    users = names_in_use(place.storage, names.keys())
    return {key: user for name, user in users.items() for key in names[name]}


def _at_once(storage: str) -> int:
    """The keys that an adapter wants at once; any number for a storage that is not there.

    The proof of its identity will say that.
    """
    try:
        return adapter_for(storage).claim_names
    except InvalidStorageError:
        return conf.batch_keys()


def _lock(place: Place, limit: int) -> list[Claimed]:
    """Lock up to `limit` due entries of a storage: fresh ones first, then what failed before.

    However many keys fail, and however old they are, they have no more than a share of a claim
    while others wait; and of these the least tried go first.
    """
    due = due_entries().filter(storage=place.storage, identity=place.identity)
    due = due.select_for_update(skip_locked=True)
    tried = due.exclude(error_code="").order_by("attempts", "due_at", "pk")
    share = max(1, int(limit * SHARE_OF_TRIED))
    again = _read(tried[:share])
    fresh = _read(due.filter(error_code="").order_by("due_at", "pk")[: max(1, limit - len(again))])
    if len(again) == share and (room := limit - len(fresh) - share) > 0:
        again += _read(tried.exclude(pk__any_of={e.pk for e in again})[:room])
    return fresh + again


def _with_the_rest_of_their_keys(place: Place, due: list[Claimed]) -> list[Claimed]:
    """With the entries the other pending ones of their keys: all entries of a key move together.

    Those that are not due yet are locked too, if nobody has them. A key that another worker has in
    hand is left out and put off.
    """
    pending = AuditEntry.objects.filter(state=EntryState.PENDING, storage=place.storage,
                                        identity=place.identity)  # fmt: skip
    rest = pending.filter(key__any_of={e.key for e in due}).exclude(pk__any_of={e.pk for e in due})
    if not (others := {entry.pk: entry for entry in _read(rest)}):
        return due
    free = free_entries().filter(pk__any_of=set(others)).order_by("pk")
    held = due + _read(free.select_for_update(skip_locked=True))
    for entry in held:
        others.pop(entry.pk, None)
    elsewhere = _keys_in_other_hands(held, others.values())
    left = {entry.pk for entry in held if entry.key in elsewhere}
    AuditEntry.objects.filter(pk__any_of=left).update(due_at=DatabaseNow(IN_OTHER_HANDS))
    seen = [Claimed(*entry[:-1], is_held=False) for entry in others.values()]
    return [entry for entry in held + seen if entry.key not in elsewhere]


def _keys_in_other_hands(held: list[Claimed], others: Iterable[Claimed]) -> set[str]:
    """The keys that another worker has, by the entries that could not be locked.

    Such a key has one with a lease; or two workers claim it at the same moment, and it is his who
    locked its first entry.
    """
    now = database_time.now()
    first = {entry.key: entry.pk for entry in sorted(held, reverse=True)}
    return {
        entry.key
        for entry in others
        if entry.pk < first[entry.key] or (entry.lease and entry.lease >= now)
    }


def _read(entries: models.QuerySet[AuditEntry]) -> list[Claimed]:
    versions = Cast("versions", models.TextField())  # hardly any has some: spares the parsing
    rows = entries.values_list("pk", "key", "name", versions, "removal", "leased_until")
    return [
        Claimed(pk, key, name, [] if text == "[]" else json.loads(text), *others)
        for pk, key, name, text, *others in rows
    ]


def _keep_or_put_off(used: list[Claimed], users: dict[str, str]) -> frozenset[int]:
    """Decide about entries whose files live rows use; gives the removals of those now kept."""
    now = database_time.now()
    removals = {entry.removal for entry in used if entry.removal is not None}
    deleting = Removal.objects.filter(pk__any_of=removals, state=RemovalState.DELETING)
    running = set(deleting.values_list("pk", flat=True))
    undecided = [entry.pk for entry in used if entry.removal in running]
    AuditEntry.objects.filter(pk__any_of=undecided).update(due_at=now + UNDECIDED)
    kept = [entry for entry in used if entry.removal not in running]
    decided = [
        AuditEntry(
            pk=entry.pk,
            state=EntryState.KEPT,
            kept_at=now,
            kept_because=f"still used by {users[entry.key]}"[:ERROR_LENGTH],
        )
        for entry in kept
    ]
    AuditEntry.objects.bulk_update(decided, ["state", "kept_at", "kept_because"])
    return frozenset(entry.removal for entry in kept if entry.removal is not None)
