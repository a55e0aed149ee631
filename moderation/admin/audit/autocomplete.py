"""Suggestions for the filters of the audit log while the user types."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from moderation.admin.audit.filters import MAX_KEY_DIGITS
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType

MAX_SUGGESTIONS = 20  # about as many as fit on a screen


def suggest(request: HttpRequest, field: str, *, removals: QuerySet[Removal]) -> JsonResponse:
    """Return {"suggestions": [{"value": ..., "label": ...}]} for the parameter `term` as JSON.

    `removals` are those that the user may view. Raises Http404 for an unknown field.
    """
    term = request.GET.get("term", "").strip().removeprefix("#").replace("\0", "")
    match field:
        case "removal":
            found = suggested_removals(term, removals)
        case "actor":
            found = suggested_actors(term)
        case _:
            raise Http404
    return JsonResponse({"suggestions": found})


def suggested_removals(term: str, removals: QuerySet[Removal]) -> list[dict[str, Any]]:
    """Return the newest confirmed removals that match by number, moderator or note."""
    matches = Q(actor_name__istartswith=term) | Q(note__icontains=term)
    if term.isdecimal() and len(term) <= MAX_KEY_DIGITS:
        matches |= Q(pk=int(term))
    found = removals.filter(matches, confirmed_at__isnull=False).order_by("-pk")[:MAX_SUGGESTIONS]
    return [{"value": str(removal.pk), "label": _removal_label(removal)} for removal in found]


def _removal_label(removal: Removal) -> str:
    day = date_format(localtime(removal.confirmed_at))
    return f"#{removal.pk} · {removal.actor_name} · {removal.get_reason_display()} · {day}"


def suggested_actors(term: str) -> list[dict[str, Any]]:
    """Return the names, beginning with a term, of users who confirmed removals."""
    confirmed = AuditEvent.objects.filter(type=EventType.CONFIRM, actor_name__istartswith=term)
    names = confirmed.order_by("actor_name").values_list("actor_name", flat=True).distinct()
    return [{"value": name, "label": name} for name in names[:MAX_SUGGESTIONS]]
