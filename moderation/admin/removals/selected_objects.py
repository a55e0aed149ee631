"""The objects of a draft as querysets, limited to those that the viewer may see."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from moderation.admin.display import Viewer
from moderation.admin.removals.object_permissions import admin_of, may_hide_rows
from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, FrozenKeys, KeptKeys, Removal
from moderation.picture_groups.groups import Keys
from moderation.removals.selection import filterable


def visible_objects(viewer: Viewer, removal: Removal) -> QuerySet[Any]:
    """Return all objects, selected or not, that the removal's ModelAdmin shows to the viewer."""
    selected_in = admin_of(viewer.site, removal)
    if selected_in is None or not may_hide_rows(selected_in):
        return all_rows(model_of(removal), AuditEntry.objects.db)
    return filterable(selected_in.get_queryset(viewer.request)).order_by()


def selected_objects(viewer: Viewer, removal: Removal) -> QuerySet[Any]:
    """Return the selected ones of `visible_objects`.

    The caller must have checked `has_exact_keys` first.
    """
    keys = FrozenKeys(removal, model_of(removal))
    return visible_objects(viewer, removal).filter(pk__in=keys)


def visible_keys(viewer: Viewer, removal: Removal) -> Keys | None:
    """Return the keys of `visible_objects`, or None if they are all objects of the model."""
    selected_in = admin_of(viewer.site, removal)
    if selected_in is None or not may_hide_rows(selected_in):
        return None
    return visible_objects(viewer, removal).values("pk")


def selected_keys(viewer: Viewer, removal: Removal) -> Keys:
    """Return the keys of `selected_objects`, as an expression that the database joins fastest."""
    return _visible_among(viewer, removal, FrozenKeys(removal, model_of(removal)))


def keys_of_kept(viewer: Viewer, removal: Removal) -> Keys:
    """Return the keys of the kept ones of `visible_objects`, as `selected_keys` does."""
    return _visible_among(viewer, removal, KeptKeys(removal, model_of(removal)))


def _visible_among(viewer: Viewer, removal: Removal, keys: Keys) -> Keys:
    if visible_keys(viewer, removal) is None:
        return keys
    return visible_objects(viewer, removal).filter(pk__in=keys).values("pk")
