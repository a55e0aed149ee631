"""Which removals a user may view and manage."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from moderation.models import AuditEntry, Removal

# Each of these permits viewing the confirmed removals of other users.
SEES_ALL = ("moderation.view_removal", "moderation.manage_removal")


def sees_all(user: Any) -> bool:
    """Return whether a user may view the removals of other users."""
    return any(user.has_perm(code) for code in SEES_ALL)


def visible_removals(user: Any, removals: QuerySet[Removal]) -> QuerySet[Removal]:
    """Return the removals that a user may view. Only its author may view an unconfirmed one."""
    own = Q(actor_id=user.pk)
    return removals.filter(own | Q(confirmed_at__isnull=False) if sees_all(user) else own)


def has_removals(user: Any) -> bool:
    """Return whether a user may view any removals, or has created one."""
    return (
        sees_all(user)
        or user.has_perm("moderation.view_own_auditentry")
        or Removal.objects.filter(actor_id=user.pk).exists()
    )


def may_manage(user: Any, removal: Removal) -> bool:
    """Return whether a user may stop a removal, resume it and retry what failed."""
    own = removal.actor_id == user.pk
    return bool(own or user.has_perm("moderation.manage_removal"))


def sees_all_entries(user: Any) -> bool:
    """Return whether a user may view the audit entries of all removals."""
    return bool(user.has_perm("moderation.view_auditentry"))


def visible_entries(user: Any, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Return the audit entries that a user may view: all, or those of their own removals."""
    return entries if sees_all_entries(user) else entries.filter(actor=user.pk)


def sees_entries(user: Any, removal: Removal) -> bool:
    """Return whether a user may view the audit entries of a removal."""
    own = removal.actor_id == user.pk and user.has_perm("moderation.view_own_auditentry")
    return own or sees_all_entries(user)
