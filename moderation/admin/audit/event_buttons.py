"""The buttons on the page of an audit event, which the ModelAdmin of its objects provides."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps

from moderation.admin.display import Viewer
from moderation.models import AuditEvent


@dataclass(frozen=True, slots=True)
class EventButton:
    """A button: its text, and the URL to which it sends a POST request.

    The request contains the URL of the page of the event as `back`.
    """

    text: str
    url: str


def event_buttons(viewer: Viewer, event: AuditEvent) -> list[EventButton]:
    """Return what `event_buttons(request, event)` of the ModelAdmin of an event's objects returns.

    The method decides what the user may do. A ModelAdmin need not have it.
    """
    try:
        model = apps.get_model(str(event.details.get("model", "")))
    except (LookupError, ValueError):  # no longer installed, or an event without objects
        return []
    if not viewer.site.is_registered(model):
        return []
    hook = getattr(viewer.site.get_model_admin(model), "event_buttons", None)
    return list(hook(viewer.request, event)) if hook else []
