"""Who sees which removal, and who may steer it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from moderation.models import Removal

# Each lets a person see the removals of others, once they are confirmed.
SEES_ALL = ("moderation.view_removal", "moderation.manage_removal")


def sees_all(user: Any) -> bool:
    """Return whether a user sees the removals of others."""
    return any(user.has_perm(code) for code in SEES_ALL)


def visible_removals(user: Any, removals: QuerySet[Removal]) -> QuerySet[Removal]:
    """Return the removals that a user sees. What was never confirmed is its maker's alone."""
    own = Q(actor_id=user.pk)
    return removals.filter(own | Q(confirmed_at__isnull=False) if sees_all(user) else own)


def has_removals(user: Any) -> bool:
    """Return whether a list of removals is of any use to a user."""
    return (
        sees_all(user)
        or user.has_perm("moderation.view_own_auditentry")
        or Removal.objects.filter(actor_id=user.pk).exists()
    )


def may_steer(user: Any, removal: Removal) -> bool:
    """Return whether a user may stop a removal, go on with it and retry what failed."""
    own = removal.actor_id == user.pk
    return bool(own or user.has_perm("moderation.manage_removal"))


def sees_entries(user: Any, removal: Removal) -> bool:
    """Return whether the audit log shows a user the entries of a removal."""
    own = removal.actor_id == user.pk and user.has_perm("moderation.view_own_auditentry")
    return bool(own or user.has_perm("moderation.view_auditentry"))
