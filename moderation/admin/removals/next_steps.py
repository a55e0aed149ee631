"""What the ModelAdmin of a removal's objects suggests doing next, on the removal's page."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.admin.access import may_manage
from moderation.admin.display import Viewer
from moderation.admin.removals.object_permissions import admin_of
from moderation.models import Removal
from moderation.models.states import RemovalState

# The states in which the objects are deleted.
DELETED_STATES = (RemovalState.PURGING, RemovalState.DONE)


@dataclass(frozen=True, slots=True)
class NextStep:
    """A suggestion: its text, and the URL of a link, or of a button that sends a POST request."""

    text: str
    url: str
    is_post: bool = False


def next_steps_of(viewer: Viewer, removal: Removal) -> list[NextStep] | None:
    """Return what `next_steps(request, removal)` of the removal's ModelAdmin returns.

    Returns None before the objects are deleted, and an empty list for users who may not manage the
    removal or view its objects. A ModelAdmin need not have the method.
    """
    if removal.state not in DELETED_STATES:
        return None
    if not may_manage(viewer.request.user, removal):
        return []
    try:
        model_admin = admin_of(viewer.site, removal)
    except LookupError:  # the model is no longer installed
        return []
    if model_admin is None or not model_admin.has_view_permission(viewer.request):
        return []
    hook = getattr(model_admin, "next_steps", None)
    return list(hook(viewer.request, removal)) if hook else []
