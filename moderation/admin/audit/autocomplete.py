"""What the audit log's filters suggest while somebody types: a few matches, never all."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, JsonResponse

from moderation.admin.audit.filters import KEY_DIGITS
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType

SUGGESTIONS = 20  # as many as fit on a screen


def suggest(request: HttpRequest, kind: str, *, removals: QuerySet[Removal]) -> JsonResponse:
    """Answer {"suggestions": [{"value": ..., "label": ...}]} for what was typed (`term`).

    `removals` are those that the person may see. Raises Http404 for another kind.
    """
    term = request.GET.get("term", "").strip().removeprefix("#").replace("\0", "")
    match kind:
        case "removal":
            found = suggested_removals(term, removals)
        case "actor":
            found = suggested_actors(term)
        case _:
            raise Http404
    return JsonResponse({"suggestions": found})


def suggested_removals(term: str, removals: QuerySet[Removal]) -> list[dict[str, Any]]:
    """Return the newest removals with that number, moderator, or word in the note."""
    matches = Q(actor_name__istartswith=term) | Q(note__icontains=term)
    if term.isdecimal() and len(term) <= KEY_DIGITS:
        matches |= Q(pk=int(term))
    found = removals.filter(matches, confirmed_at__isnull=False).order_by("-pk")[:SUGGESTIONS]
    return [{"value": str(removal.pk), "label": _removal_label(removal)} for removal in found]


def _removal_label(removal: Removal) -> str:
    day = f"{removal.confirmed_at:%Y-%m-%d}"
    return f"#{removal.pk} · {removal.actor_name} · {removal.get_reason_display()} · {day}"


def suggested_actors(term: str) -> list[dict[str, Any]]:
    """Return the names of those who confirmed removals."""
    confirmed = AuditEvent.objects.filter(type=EventType.CONFIRM, actor_name__istartswith=term)
    names = confirmed.order_by("actor_name").values_list("actor_name", flat=True).distinct()
    return [{"value": name, "label": name} for name in names[:SUGGESTIONS]]
