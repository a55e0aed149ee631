"""Claiming due entries: the work list's short transaction, before storage is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.core.files.storage import InvalidStorageError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from moderation import conf
from moderation.models import AuditEntry, Removal
from moderation.models.audit import ERROR_LENGTH, EntryState
from moderation.models.removal import RemovalState
from moderation.purge.references import names_in_use
from moderation.storage import adapter_for

# How long a shared key waits while slices of its removal are left, which may delete its other rows.
UNDECIDED = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one storage that one worker holds until its lease runs out."""

    storage: str
    identity: UUID | None
    lease: UUID
    entries: tuple[AuditEntry, ...]
    settled: frozenset[int]  # removals of which an entry was kept in the claim itself


def due_entries() -> models.QuerySet[AuditEntry]:
    """Entries whose time has come and that no worker holds."""
    return free_entries().filter(due_at__lte=timezone.now())


def free_entries() -> models.QuerySet[AuditEntry]:
    """Pending entries that no worker holds, whether due or put off."""
    free = Q(leased_until=None) | Q(leased_until__lt=timezone.now())
    return AuditEntry.objects.filter(free, state=EntryState.PENDING)


def claim(limit: int) -> Batch | None:
    """Hold up to `limit` keys of one storage; None where nothing is due.

    No more than its adapter takes in one call, so that the workers share what a slow storage has.
    A key that a live row uses is kept here, under the entry's lock; while its removal still has
    slices to run, it is put off instead, since the next one may delete that row too. The batch may
    come out without entries, when all were kept or put off.
    """
    with transaction.atomic():
        first = due_entries().order_by("due_at").values_list("storage", "identity").first()
        if first is None:
            return None
        storage, identity = first
        held = _lock(storage, identity, min(limit, _most_keys(storage)))
        users = names_in_use(storage, [entry.name for entry in held], using=AuditEntry.objects.db)
        used = [entry for entry in held if entry.name in users]
        settled = _keep_or_put_off(used, users)
        free = tuple(entry for entry in held if entry.name not in users)
        lease = _lease(free)
    return Batch(storage, identity, lease, free, settled)


def _most_keys(storage: str) -> int:
    """The keys that an adapter takes in one call; any number for a storage that is not there.

    The proof of its identity will say that.
    """
    try:
        return adapter_for(storage).batch_limit
    except InvalidStorageError:
        return conf.batch_keys()


def _lock(storage: str, identity: UUID | None, limit: int) -> list[AuditEntry]:
    """Lock due entries, and with each the other pending ones of its key: they move together."""
    same = Q(storage=storage, identity=identity)
    due = due_entries().filter(same).select_for_update(skip_locked=True)
    held = list(due.order_by("due_at", "pk")[:limit])
    others = (
        free_entries()
        .filter(same, name__in=[entry.name for entry in held])
        .exclude(pk__in=[entry.pk for entry in held])
    )
    return held + list(others.select_for_update(skip_locked=True).order_by("pk"))


def _keep_or_put_off(used: list[AuditEntry], users: dict[str, str]) -> frozenset[int]:
    now = timezone.now()
    running = set(
        Removal.objects.filter(pk__in=_removals(used), state=RemovalState.DELETING).values_list(
            "pk", flat=True
        )
    )
    for entry in used:
        if entry.removal_id in running:
            entry.due_at = now + UNDECIDED
        else:
            entry.state, entry.kept_at = EntryState.KEPT, now
            entry.kept_because = f"still used by {users[entry.name]}"[:ERROR_LENGTH]
    fields = ["due_at", "state", "kept_at", "kept_because"]
    AuditEntry.objects.bulk_update(used, fields, batch_size=conf.batch_keys())
    return _removals(entry for entry in used if entry.state == EntryState.KEPT)


def _removals(entries: Iterable[AuditEntry]) -> frozenset[int]:
    return frozenset(entry.removal_id for entry in entries if entry.removal_id is not None)


def _lease(entries: tuple[AuditEntry, ...]) -> UUID:
    lease = uuid4()
    until = timezone.now() + timedelta(seconds=conf.lease_seconds())
    AuditEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(
        lease=lease, leased_until=until
    )
    return lease
