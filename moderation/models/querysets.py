"""Querysets with named filters for removals, batches, audit entries and refused pictures."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from moderation.db.server_time import DatabaseNow
from moderation.models.states import (
    FINAL_STATES,
    FOUND_AGAIN,
    WAS_MISSING,
    BatchState,
    EntryState,
    RemovalState,
)


class RemovalQuerySet(models.QuerySet[Any]):
    """Filters for removals."""

    def drafts(self) -> RemovalQuerySet:
        """Return the removals that are not confirmed yet."""
        return self.filter(state=RemovalState.DRAFT)

    def deleting(self) -> RemovalQuerySet:
        """Return the confirmed removals whose objects are still being deleted."""
        return self.filter(state=RemovalState.DELETING)

    def purging(self) -> RemovalQuerySet:
        """Return the removals whose objects are deleted and whose files are being erased."""
        return self.filter(state=RemovalState.PURGING)

    def running(self) -> RemovalQuerySet:
        """Return the removals that still have work to be done in the background."""
        return self.filter(state__in=(RemovalState.DELETING, RemovalState.PURGING))


class RemovalBatchQuerySet(models.QuerySet[Any]):
    """Filters for batches."""

    def waiting(self) -> RemovalBatchQuerySet:
        """Return the batches that are still to be deleted, including those to be retried later."""
        return self.filter(state=BatchState.WAITING)

    def due(self) -> RemovalBatchQuerySet:
        """Return the waiting batches that may be deleted now."""
        return self.waiting().filter(Q(due_at=None) | Q(due_at__lte=DatabaseNow()))

    def rescheduled(self) -> RemovalBatchQuerySet:
        """Return the waiting batches that failed before."""
        return self.waiting().filter(attempts__gt=0)

    def deleted(self) -> RemovalBatchQuerySet:
        """Return the batches whose objects were deleted."""
        return self.filter(state=BatchState.DELETED)

    def failed(self) -> RemovalBatchQuerySet:
        """Return the batches that failed and wait until someone retries them."""
        return self.filter(state=BatchState.FAILED)


class AuditEntryQuerySet(models.QuerySet[Any]):
    """Filters for audit entries."""

    def in_storage(self, alias: str, identity: UUID | None) -> AuditEntryQuerySet:
        """Return the entries of a storage with this identity."""
        return self.filter(storage=alias, identity=identity)

    def pending(self) -> AuditEntryQuerySet:
        """Return the entries whose files are still to be erased."""
        return self.filter(state=EntryState.PENDING)

    def free(self) -> AuditEntryQuerySet:
        """Return the pending entries without a valid lease."""
        return self.pending().filter(Q(leased_until=None) | Q(leased_until__lt=DatabaseNow()))

    def due(self) -> AuditEntryQuerySet:
        """Return the free entries that are due now."""
        return self.free().filter(due_at__lte=DatabaseNow())

    def with_lease(self, leases: Collection[datetime]) -> AuditEntryQuerySet:
        """Return the pending entries with one of these leases."""
        return self.pending().filter(leased_until__in=leases)

    def in_use(self) -> AuditEntryQuerySet:
        """Return the entries whose files stay in storage because they are in use."""
        return self.filter(state=EntryState.IN_USE)

    def in_use_by_rows(self) -> AuditEntryQuerySet:
        """Return the entries whose files rows use, without those that have a newer version."""
        return self.in_use().exclude(in_use_reason=F("detail"))

    def failed(self) -> AuditEntryQuerySet:
        """Return the entries whose files could not be erased."""
        return self.filter(state=EntryState.FAILED)

    def erased(self) -> AuditEntryQuerySet:
        """Return the entries whose files were deleted from storage."""
        return self.filter(state=EntryState.ERASED)

    def unverified(self) -> AuditEntryQuerySet:
        """Return the erased entries whose absence has not been verified yet."""
        return self.erased().filter(verified_at=None)

    def found_again(self) -> AuditEntryQuerySet:
        """Return the erased entries whose key was found in storage afterwards."""
        return self.erased().filter(detail=FOUND_AGAIN)

    def missing(self) -> AuditEntryQuerySet:
        """Return the entries whose file was missing when it was to be erased."""
        return self.filter(detail=WAS_MISSING)

    def not_final(self) -> AuditEntryQuerySet:
        """Return the entries whose state may still change."""
        return self.exclude(state__in=FINAL_STATES)

    def not_restored(self) -> AuditEntryQuerySet:
        """Return the entries whose files were not restored to their rows."""
        return self.exclude(state=EntryState.RESTORED)


class RefusedPictureQuerySet(models.QuerySet[Any]):
    """Filters for refused pictures. Each row is selected by exactly one of them."""

    def active(self) -> RefusedPictureQuerySet:
        """Return the pictures that are refused now."""
        is_refused = Q(refused_until=None) | Q(refused_until__gt=DatabaseNow())
        return self.filter(is_refused, lifted_at=None)

    def expired(self) -> RefusedPictureQuerySet:
        """Return the pictures that are no longer refused because their last day is over."""
        return self.filter(lifted_at=None, refused_until__lte=DatabaseNow())

    def lifted(self) -> RefusedPictureQuerySet:
        """Return the pictures that a moderator has allowed again."""
        return self.filter(lifted_at__isnull=False)
