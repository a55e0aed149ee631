"""Describe audit events: the recorded details of an event as texts for users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from moderation.admin.display import count
from moderation.models import AuditEvent
from moderation.models.states import Reason
from moderation.templatetags.moderation_numbers import grouped

# Details that are only needed to compare records, or that may be long. The summary omits them.
TECHNICAL = (
    "seal", "permissions", "identity", "model", "dismissal", "sha256s", "names", "keys",
)  # fmt: skip

# In the order in which they are shown.
LABELS = {
    "reason": gettext_lazy("Reason"),
    "note": gettext_lazy("Note"),
    "until": gettext_lazy("Until"),
    "objects": gettext_lazy("Selected"),
    "reports": gettext_lazy("Reports"),
    "pictures": gettext_lazy("Pictures"),
    "files": gettext_lazy("Files"),
    "batches": gettext_lazy("Batches"),
    "entries": gettext_lazy("Files"),
    "rows": gettext_lazy("Audit entries"),
    "accounts": gettext_lazy("Accounts"),
    "skipped": gettext_lazy("Skipped"),
    "names": gettext_lazy("Names"),
    "keys": gettext_lazy("Keys"),
    "format": gettext_lazy("Format"),
    "filters": gettext_lazy("Filters"),
    "search": gettext_lazy("Search"),
    "storage": gettext_lazy("Storage"),
    "replace": gettext_lazy("Replaced"),
    "identity": gettext_lazy("Identity"),
    "environment": gettext_lazy("Environment"),
    "permissions": gettext_lazy("Permissions"),
    "sha256s": gettext_lazy("SHA-256"),
    "seal": gettext_lazy("Seal"),
    "model": gettext_lazy("Model"),
    "dismissal": gettext_lazy("Dismissal"),
}
COUNTS: Mapping[str, Callable[[int], str]] = {
    "objects": lambda n: ngettext("%s object", "%s objects", n),
    "reports": lambda n: ngettext("%s report", "%s reports", n),
    "pictures": lambda n: ngettext("%s picture", "%s pictures", n),
    "files": lambda n: ngettext("%s file", "%s files", n),
    "batches": lambda n: ngettext("%s batch", "%s batches", n),
    "entries": lambda n: ngettext("%s file", "%s files", n),
    "rows": lambda n: ngettext("%s audit entry", "%s audit entries", n),
    "accounts": lambda n: ngettext("%s account", "%s accounts", n),
}


def event_details(event: AuditEvent) -> list[tuple[str, str]]:
    """Return the label and the text of each detail of an event that has a value."""
    return [(label, text) for _name, label, text in _details(event)]


def event_summary(event: AuditEvent) -> str:
    """Return the details of an event in one line: "Spam · 1,300 posts · 2,600 files"."""
    return " · ".join(
        text if name == "reason" or name in COUNTS else f"{label}: {text}"
        for name, label, text in _details(event)
        if name not in TECHNICAL
    )


def _details(event: AuditEvent) -> Iterator[tuple[str, str, str]]:
    # LABELS determines the order, because PostgreSQL does not keep that of JSON keys.
    names = [name for name in LABELS if name in event.details]
    for name in dict.fromkeys([*names, *event.details]):
        if value := event.details[name]:
            label = LABELS.get(name, name.replace("_", " ").capitalize())
            yield name, str(label), _text(event, name, value)


def _text(event: AuditEvent, name: str, value: Any) -> str:
    if name == "reason" and value in Reason.values:
        return str(Reason(value).label)
    if name in COUNTS and isinstance(value, int):
        if name == "objects" and (label := _model_label(event)):
            return str(count(label, value))
        return COUNTS[name](value) % grouped(value)
    if name == "keys" and _names_only_some(event):
        return _("%(keys)s and others") % {"keys": _on_one_line(value)}
    return _on_one_line(value)


def _names_only_some(event: AuditEvent) -> bool:
    """Return whether an event has fewer keys than objects."""
    match event.details:
        case {"keys": list(keys), "objects": int(number)}:
            return len(keys) < number
    return False


def _model_label(event: AuditEvent) -> str:
    """Return the label of the model of an event's objects, or "" if it is unknown."""
    return str(event.removal.model_label if event.removal else event.details.get("model", ""))


def _on_one_line(value: Any) -> str:
    """Return a JSON value as text: {"a": 1, "b": 2} becomes "a = 1, b = 2"."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case dict():
            return ", ".join(f"{name} = {_on_one_line(each)}" for name, each in value.items())
        case list():
            return ", ".join(map(_on_one_line, value))
        case _:
            return str(value)
