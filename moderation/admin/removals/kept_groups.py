"""The tab of kept objects, from which they return, also by similar pictures or similar texts."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from moderation.admin.display import Viewer
from moderation.admin.object_keys import keys_in
from moderation.admin.removals.object_list import show_kept
from moderation.admin.removals.object_permissions import visible_to
from moderation.admin.removals.selected_objects import keys_of_kept, visible_keys
from moderation.admin.removals.text_previews import MAX_COMPARED
from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, Removal, has_exact_keys
from moderation.picture_groups import groups, text_groups
from moderation.picture_groups.details import objects_with


def show(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the kept objects, and whether they can be returned by picture or by text."""
    return {
        **show_kept(viewer, removal),
        "may_return_by_picture": _can_group_pictures(removal),
        "may_return_by_text": _can_group_texts(removal),
    }


def objects_with_pictures_of(viewer: Viewer, removal: Removal, posted: str) -> QuerySet[Any]:
    """Return the object with the posted key, and all with a picture of one of its groups.

    The groups are those of the kept objects. The objects are limited to those that the viewer may
    see, and need not be kept. Returns none if the viewer may not see the one object.
    """
    model, key = model_of(removal), _visible_key(viewer, removal, posted)
    objects = all_rows(model, AuditEntry.objects.db)
    if key is None or not _can_group_pictures(removal):
        return objects.none()
    of_kept = groups.picture_groups(model, keys_of_kept(viewer, removal))
    found = groups.groups_of_object(of_kept, model, key)
    similar = objects_with(found, model, visible_keys(viewer, removal))
    return objects.filter(Q(pk=key) | Q(pk__in=similar.values("pk")))


def kept_with_text_of(viewer: Viewer, removal: Removal, posted: str) -> set[Any]:
    """Return the posted key of an object, and the keys of the kept ones with a similar text."""
    key = _visible_key(viewer, removal, posted)
    if key is None or not _can_group_texts(removal):
        return set()
    group = text_groups.group_like(key, model_of(removal), keys_of_kept(viewer, removal))
    return {key, *(group.keys if group else ())}


def _can_group_pictures(removal: Removal) -> bool:
    model = model_of(removal)
    return groups.can_group(model) and has_exact_keys(model)


def _can_group_texts(removal: Removal) -> bool:
    model, few = model_of(removal), removal.kept_total <= MAX_COMPARED
    return few and text_groups.can_group(model) and has_exact_keys(model)


def _visible_key(viewer: Viewer, removal: Removal, posted: str) -> Any:
    """Return the posted key, or None if it is not that of an object that the viewer may see."""
    keys = list(keys_in(model_of(removal), [posted]))
    return next(iter(visible_to(viewer, removal, keys)), None)
