"""The tab of the objects without pictures, which shows similar texts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator

from moderation.admin.display import Viewer
from moderation.admin.messages import errors_as_messages
from moderation.admin.object_keys import key_in
from moderation.admin.removals.object_details import LONG_TEXT_LENGTH
from moderation.admin.removals.object_list import (
    OBJECTS_PER_PAGE,
    page_of_groups,
    show_without_pictures,
)
from moderation.admin.removals.object_permissions import visible_to
from moderation.admin.removals.previews import ObjectPreview, previews_of_objects
from moderation.admin.removals.selected_objects import selected_keys
from moderation.cascade.batches import model_of
from moderation.models import Removal, has_exact_keys
from moderation.picture_groups.text_groups import (
    TextGroup,
    can_group,
    group_like,
    group_of,
    reported_keys,
    text_groups,
)

# The most texts that are compared with each other, once for each page. 5,000 take half a second.
MAX_COMPARED = 5_000


@dataclass(frozen=True, slots=True)
class TextDetails:
    """The numbers of the objects of a group, of their distinct owners, and of the reported ones.

    `key` names the group, in its URL and its Keep button.
    """

    key: str
    objects: int = 1
    owners: int = 1
    reported: int = 0


@dataclass(frozen=True, slots=True)
class TextPreview:
    """Objects with similar texts, shown by the first one; or an object whose text is unique."""

    details: TextDetails
    first: ObjectPreview

    @property
    def object_key(self) -> str:
        """Return the key of the object that is shown, as text."""
        return self.first.object_key


def can_show(removal: Removal) -> bool:
    """Return whether the texts of a draft's objects without pictures can be grouped."""
    model = model_of(removal)
    few = removal.without_picture_total <= MAX_COMPARED
    return few and can_group(model) and has_exact_keys(model)


def show(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the groups, or of the objects of the requested group if it still exists.

    If the texts cannot be grouped, each object is alone.
    """
    groups, requested = _groups(viewer, removal), viewer.request.GET.get("group", "")
    if not groups:
        return _show_without_groups(viewer, removal)
    if group := _group_with(viewer, removal, groups, requested):
        return _show_group(viewer, removal, group, requested)
    page = Paginator(groups, OBJECTS_PER_PAGE).get_page(page_of_groups(viewer))
    return {"page": page, "previews": _previews(viewer, removal, list(page.object_list))}


def keys_of_text_group(viewer: Viewer, removal: Removal, key: str) -> Sequence[Any]:
    """Return the keys of the selected objects of the group with the object that has this key.

    Returns none if the texts of the draft cannot be grouped, or if there is no such group.
    """
    group = _group_with(viewer, removal, _groups(viewer, removal), key)
    return group.keys if group else ()


def _groups(viewer: Viewer, removal: Removal) -> list[TextGroup]:
    """Return the groups of the selected objects without pictures; none if SQL finds other ones."""
    if not can_show(removal):
        return []
    groups = text_groups(model_of(removal), selected_keys(viewer, removal))
    found = sum(len(group.keys) for group in groups)
    # Otherwise some objects changed, are not visible, or have files that SQL does not count.
    return groups if found == removal.without_picture_total else []


def _group_with(
    viewer: Viewer, removal: Removal, groups: Sequence[TextGroup], key: str
) -> TextGroup | None:
    """Return the group that a key names. Its object may have been kept; it still names the rest."""
    if not groups or not key:
        return None
    if group := group_of(groups, key):
        return group
    model = model_of(removal)
    try:
        visible = visible_to(viewer, removal, [key_in(model, key)])
    except ValidationError:
        return None
    keys = selected_keys(viewer, removal)
    return next((group_like(each, model, keys) for each in visible), None)


def _show_without_groups(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the objects, in the order of their keys."""
    context = show_without_pictures(viewer, removal)
    previews = [TextPreview(TextDetails(each.object_key), each) for each in context["previews"]]
    return {**context, "previews": previews}


def _show_group(viewer: Viewer, removal: Removal, group: TextGroup, key: str) -> dict[str, Any]:
    """Return a page of the objects of a group, which `key` names."""
    page = Paginator(group.keys, OBJECTS_PER_PAGE).get_page(viewer.request.GET.get("p"))
    previews: list[ObjectPreview] = []
    with errors_as_messages(viewer.request):
        previews = _previews_with_text(viewer, removal, list(page.object_list))
    details = _details(key, group, reported_keys(model_of(removal), group.keys))
    return {"page": page, "previews": previews, "text_group": details}


def _previews(viewer: Viewer, removal: Removal, groups: Sequence[TextGroup]) -> list[TextPreview]:
    """Return the previews of groups, without those that have been deleted in the meantime."""
    found: dict[str, ObjectPreview] = {}
    with errors_as_messages(viewer.request):
        first = _previews_with_text(viewer, removal, [group.keys[0] for group in groups])
        found = {preview.object_key: preview for preview in first}
    keys = [key for group in groups for key in group.keys]
    reported = reported_keys(model_of(removal), keys)
    return [
        TextPreview(_details(key, group, reported), found[key])
        for group in groups
        if (key := str(group.keys[0])) in found
    ]


def _previews_with_text(
    viewer: Viewer, removal: Removal, keys: Sequence[Any]
) -> list[ObjectPreview]:
    """Return the previews of objects of which the text is all that there is."""
    return previews_of_objects(viewer, removal, keys, text_length=LONG_TEXT_LENGTH)


def _details(key: str, group: TextGroup, reported: set[Any]) -> TextDetails:
    return TextDetails(key, len(group.keys), group.owners, len(reported.intersection(group.keys)))
