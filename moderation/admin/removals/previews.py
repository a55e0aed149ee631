"""What the confirmation page shows of a draft: pictures as cards, and objects as lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

from moderation.admin.display import Viewer, rows_named
from moderation.admin.removals.object_permissions import visible_to
from moderation.admin.removals.window import batches_between
from moderation.cascade import Plan, json_key
from moderation.cascade.batches import keys_of, model_of, plan_batch
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.registry import registration_by_label
from moderation.registry.files import StoredFile, details_of


@dataclass(frozen=True, slots=True)
class Card:
    """One file that would be erased.

    `object_value` is the button value of the selected object that pulls it in. `is_animated` is
    set if the picture has more than one frame.
    """

    title: str
    owner: str
    address: str
    picture: str
    file_name: str
    size: int | None
    is_animated: bool
    object_name: str
    object_key: str
    object_value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One object of the selection. `gone` if it was deleted, or left the list, since the freeze."""

    name: str
    address: str
    files: int
    object_key: str
    object_value: str
    gone: bool


def cards_between(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[Card]:
    """Return the cards from `start` to `stop`. Plans only the batches that contain them.

    Files of objects that the admin no longer shows to the viewer are left out. Raises TooManyRows
    if a batch has grown too large since the freeze.
    """
    shown: list[tuple[StoredFile, Any, int]] = []
    for batch, own in batches_between(removal, "pictures_total", start, stop):
        plan = plan_batch(batch)
        shown += [(file, plan.files[file], batch.number) for file in plan.pictures()[own]]
    visible = visible_to(viewer, removal, {root for _, root, _ in shown})
    shown = [each for each in shown if each[1] in visible]
    details = details_of((file for file, _, _ in shown), using=AuditEntry.objects.db)
    names = rows_named(removal, {root for _, root, _ in shown})
    return [
        Card(
            title=str(details[file].get("title") or names.get(root, "")),
            owner=str(details[file].get("owner") or ""),
            address=viewer.address_of(*_known_by(details[file], removal, root)),
            picture=_picture_address(viewer.site, file),
            file_name=PurePosixPath(file.name).name,
            size=details[file].get("size") if _is_measured(file) else None,
            is_animated=_is_measured(file) and (details[file].get("frames") or 1) > 1,
            object_name=names.get(root, ""),
            object_key=str(root),
            object_value=_value(number, root),
        )
        for file, root, number in shown
    ]


def _value(number: int, key: Any) -> str:
    """Return the button value of an object: the number of its batch, and its key."""
    return f"{number}:{json_key(key)}"


def _known_by(details: dict[str, Any], removal: Removal, root: Any) -> tuple[type[Model], Any]:
    """Return the row that a reader knows a file by: what it hangs on, else the object that goes."""
    label, key = details.get("parent_label"), details.get("parent_key")
    return (apps.get_model(label), key) if label and key is not None else (model_of(removal), root)


def _is_measured(file: StoredFile) -> bool:
    return bool(file.field) and registration_by_label(file.label).measured_field == file.field


def _picture_address(site: AdminSite, file: StoredFile) -> str:
    """Return the URL of a picture's small version, or "" for other files."""
    registration = registration_by_label(file.label)
    if not file.field or file.field != registration.picture:
        return ""
    args = (file.label.lower(), quote(file.key), registration.thumbnail or file.field)
    return reverse("admin:moderation_picture", args=args, current_app=site.name)


def lines_between(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[Line]:
    """Return the objects from `start` to `stop`, those without files too; see `cards_between`."""
    lines: list[Line] = []
    for batch, own in batches_between(removal, "objects_total", start, stop):
        keys = keys_of(batch)[own]
        lines += _lines(viewer, batch, keys, plan_batch(batch, keys=keys))
    return lines


def bare_lines_between(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[Line]:
    """Return the objects without a picture or file from `start` to `stop`; see `cards_between`."""
    lines: list[Line] = []
    for batch, own in batches_between(removal, "without_picture_total", start, stop):
        plan = plan_batch(batch)
        lines += _lines(viewer, batch, plan.without_picture()[own], plan)
    return lines


def _lines(viewer: Viewer, batch: RemovalBatch, keys: list[Any], plan: Plan) -> list[Line]:
    files = Counter(plan.files[file] for file in plan.pictures())
    names = rows_named(batch.removal, visible_to(viewer, batch.removal, keys))
    return [
        Line(
            name=names.get(key) or str(key),
            address=viewer.address_of(plan.model, key) if key in names else "",
            files=files[key],
            object_key=str(key),
            object_value=_value(batch.number, key),
            gone=key not in names,
        )
        for key in keys
    ]
