"""Which removals a user may view and manage."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet

from moderation.models import AuditEntry, AuditEvent, Removal
from moderation.models.states import EventType

# Entries are looked up by removal for at most this many removals. If there are more, the database
# soon fills a page by reading all entries in the order of the list.
FEW_REMOVALS = 1_000
# Each of these permissions is enough to view the confirmed removals of other users.
VIEW_ALL_PERMISSIONS = ("moderation.view_removal", "moderation.manage_removal")


def may_view_all_removals(user: Any) -> bool:
    """Return whether a user may view the removals of other users."""
    return any(user.has_perm(code) for code in VIEW_ALL_PERMISSIONS)


def visible_removals(user: Any, removals: QuerySet[Removal]) -> QuerySet[Removal]:
    """Return the removals that a user may view. Only its author may view an unconfirmed one."""
    visible = Q(actor_id=user.pk)
    if may_view_all_removals(user):
        visible |= Q(confirmed_at__isnull=False)
    return removals.filter(visible)


def may_view_removals(user: Any) -> bool:
    """Return whether a user may view the list of removals. Users who created one may."""
    return (
        may_view_all_removals(user)
        or user.has_perm("moderation.view_own_auditentry")
        or Removal.objects.filter(actor_id=user.pk).exists()
    )


def may_manage(user: Any, removal: Removal) -> bool:
    """Return whether a user may stop a removal, resume it and retry what failed."""
    own = removal.actor_id == user.pk
    return bool(own or user.has_perm("moderation.manage_removal"))


def may_view_all_entries(user: Any) -> bool:
    """Return whether a user may view the audit entries of all removals."""
    return bool(user.has_perm("moderation.view_auditentry"))


def visible_entries(user: Any, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Return the audit entries that a user may view: all, or those of their own removals."""
    return entries if may_view_all_entries(user) else entries_by(entries, [user.pk])


def entries_by(entries: QuerySet[AuditEntry], actors: Collection[Any]) -> QuerySet[AuditEntry]:
    """Return the audit entries of users, looked up by removal if they have few removals."""
    theirs = Q(actor__in=actors)
    confirmed = AuditEvent.objects.filter(theirs, type=EventType.CONFIRM)  # events outlive removals
    removals = keys_if_few(confirmed.values_list("removal", flat=True))
    if removals is None:
        return entries.filter(theirs)
    return entries.filter(Q(removal__in=removals) | Q(theirs, removal=None))


def keys_if_few(removals: QuerySet[Any]) -> list[Any] | None:
    """Return the keys of removals, or None if there are too many to look up their entries."""
    keys = list(removals[: FEW_REMOVALS + 1])
    return keys if len(keys) <= FEW_REMOVALS else None


def may_view_entries(user: Any, removal: Removal) -> bool:
    """Return whether a user may view the audit entries of a removal."""
    own = removal.actor_id == user.pk and user.has_perm("moderation.view_own_auditentry")
    return own or may_view_all_entries(user)
