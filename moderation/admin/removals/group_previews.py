"""The tab that shows each picture of a draft once, with the objects that share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

from moderation.admin.display import Viewer, row_names
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals.object_list import OBJECTS_PER_PAGE, page_of_groups
from moderation.admin.removals.picture_links import picture_links
from moderation.admin.removals.previews import (
    ObjectPreview,
    object_value,
    picture_url,
    previews_of_objects,
    previews_of_others,
)
from moderation.admin.removals.selected_objects import selected_keys, visible_keys
from moderation.admin.removals.similar_pictures import similar_objects
from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import (
    AuditEntry,
    FrozenKeys,
    KeptKeys,
    Removal,
    batch_numbers,
    has_exact_keys,
)
from moderation.picture_groups.details import (
    GroupDetails,
    details_of_groups,
    files_of,
    objects_with,
)
from moderation.picture_groups.groups import (
    MAX_COMPARED,
    Keys,
    Order,
    PictureGroup,
    can_compare,
    can_group,
    group_of,
    picture_groups,
)
from moderation.picture_groups.refused import hashes_of_objects
from moderation.picture_groups.similar import can_search_for
from moderation.registry.files import details_of
from moderation.removals.add import most_added
from moderation.removals.check_first import reviewed_keys
from moderation.removals.file_changes import files_of_deleted_objects
from moderation.removals.seal import BATCHES_PER_CHUNK

GROUPS_PER_PAGE = 60  # few enough to review each one


@dataclass(frozen=True, slots=True)
class GroupPreview:
    """A group of pictures, shown by one of them.

    `title`, `owner` and `url` describe the object that this picture belongs to. `object_value` is
    the value of its Keep button, for a group with only one object.
    """

    details: GroupDetails
    picture_url: str
    title: str
    owner: str
    url: str
    is_animated: bool
    object_name: str
    object_key: str
    object_value: str

    @property
    def group(self) -> PictureGroup:
        """Return the group."""
        return self.details.group

    @property
    def digest(self) -> str:
        """Return a text that changes when files or objects join the group or leave it."""
        members = [*self.group.sha256s, str(self.details.objects)]
        return sha256(" ".join(members).encode()).hexdigest()[:16]


def can_show(removal: Removal) -> bool:
    """Return whether the pictures of a draft can be grouped."""
    model = model_of(removal)
    return bool(removal.pictures_total) and can_group(model) and has_exact_keys(model)


def show(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the groups, or of the objects of the requested group if it still exists.

    Leaves out the groups whose objects have all been reviewed, unless they are requested.
    """
    keys, order = selected_keys(viewer, removal), _order(viewer)
    groups = picture_groups(model_of(removal), keys, order, reviewed_keys(removal))
    can_search = can_search_for(model_of(removal))
    context = {"order": order, "orders": Order.choices, "can_search_similar": can_search}
    group = group_of(groups, viewer.request.GET.get("group", ""))
    if group and (objects := _objects_of_group(viewer, removal, group, keys)):
        return {**context, **objects}
    shows_reviewed = viewer.request.GET.get("also") == "reviewed"
    shown = [group for group in groups if shows_reviewed or not group.is_reviewed]
    page = Paginator(shown, GROUPS_PER_PAGE).get_page(page_of_groups(viewer))
    details = _details(viewer, removal, list(page.object_list), keys)
    return {
        **context,
        "page": page,
        "previews": _previews(viewer, removal, details),
        "not_grouped": _not_grouped(removal, groups),
        "reviewed_groups": sum(group.is_reviewed for group in groups),
        "shows_reviewed": shows_reviewed,
        "max_compared": None if can_compare(groups) else MAX_COMPARED,
    }


def objects_of_group(
    viewer: Viewer, removal: Removal, key: str, *, only_file: bool = False
) -> QuerySet[Any]:
    """Return the objects that have a picture of the group with this file; see `group_of`.

    With `only_file`, returns those that have exactly this file. They are limited to those that the
    viewer may see, and need not be selected. Returns none if the pictures of the draft cannot be
    grouped, or if there is no such group.
    """
    model = model_of(removal)
    if group := _group(viewer, removal, key):
        wanted = replace(group, sha256s=(key,)) if only_file else group
        return objects_with([wanted], model, visible_keys(viewer, removal))
    return all_rows(model, AuditEntry.objects.db).none()


def others_of_group(viewer: Viewer, removal: Removal, key: str) -> QuerySet[Any]:
    """Return those of `objects_of_group` that are not selected."""
    return _not_selected(removal, objects_of_group(viewer, removal, key))


def pictures_of_group(
    viewer: Viewer, removal: Removal, key: str
) -> tuple[str, dict[str, str | None]]:
    """Return the URL of a thumbnail of the group with this file, and its pictures.

    The pictures are those of the selected objects that the viewer may see; see `hashes_of`. There
    are none if there is no such group; see `objects_of_group`.
    """
    group = _group(viewer, removal, key)
    if group is None:
        return "", {}
    keys = selected_keys(viewer, removal)
    previews = _previews(viewer, removal, _details(viewer, removal, [group], keys))
    url = previews[0].picture_url if previews else ""
    return url, hashes_of_objects(group.sha256s, model_of(removal), keys)


def _group(viewer: Viewer, removal: Removal, key: str) -> PictureGroup | None:
    if not can_show(removal):
        return None
    return group_of(picture_groups(model_of(removal), selected_keys(viewer, removal)), key)


def _not_selected(removal: Removal, objects: QuerySet[Any]) -> QuerySet[Any]:
    return objects.exclude(pk__in=FrozenKeys(removal, objects.model)).order_by("pk")


def _objects_of_group(
    viewer: Viewer, removal: Removal, group: PictureGroup, keys: Keys
) -> dict[str, Any]:
    """Return a page of the selected objects that have a picture of a group.

    Returns an empty dict if all of them have been deleted since the groups were found.
    """
    objects = objects_with([group], model_of(removal), keys).order_by("pk")
    page = Paginator(objects.values_list("pk", flat=True), OBJECTS_PER_PAGE).get_page(
        viewer.request.GET.get("p")
    )
    on_page = list(page.object_list)
    shown = _previews(viewer, removal, _details(viewer, removal, [group], keys))
    if not shown:
        return {}
    previews: list[ObjectPreview] = []
    with errors_as_messages(viewer.request):
        previews = previews_of_objects(viewer, removal, on_page)
    return {
        "page": page,
        "group": shown[0],
        "files": _files(viewer, removal, group, on_page) if group.is_near else [],
        "previews": previews,
        **_others_context(viewer, removal, group),
        "similar": similar_objects(viewer, removal, group, keys),
        "lists": picture_links(viewer, removal, group),
    }


def _files(
    viewer: Viewer, removal: Removal, group: PictureGroup, objects: Sequence[Any]
) -> list[GroupPreview]:
    """Return the previews of the different files of a group that these objects have."""
    files = files_of(group, model_of(removal), objects)
    details = _details(viewer, removal, files, selected_keys(viewer, removal))
    return _previews(viewer, removal, details)


def _others_context(viewer: Viewer, removal: Removal, group: PictureGroup) -> dict[str, Any]:
    """Return a page of the objects with a picture of a group that are not selected."""
    objects = objects_with([group], model_of(removal), visible_keys(viewer, removal))
    others = _not_selected(removal, objects)
    page = Paginator(others.values_list("pk", flat=True), OBJECTS_PER_PAGE).get_page(
        viewer.request.GET.get("others")
    )
    keys, previews = list(page.object_list), list[ObjectPreview]()
    with errors_as_messages(viewer.request):
        previews = previews_of_others(viewer, removal, keys)
    kept_total, kept_keys = _kept_among(removal, objects, keys)
    return {
        "others_page": page,
        "others_page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2),
        "others": previews,
        "others_to_add": page.paginator.count - kept_total,
        "kept_keys": kept_keys,
        "most_added": most_added(),
    }


def _kept_among(
    removal: Removal, objects: QuerySet[Any], keys: Sequence[Any]
) -> tuple[int, set[str]]:
    """Return how many of these objects are kept, and which of the keys belong to such objects."""
    if not removal.kept_total:
        return 0, set()
    kept = objects.filter(pk__in=KeptKeys(removal, objects.model))
    kept_keys = kept.filter(pk__any_of=set(keys)).values_list("pk", flat=True)
    return kept.count(), set(map(str, kept_keys))


def _not_grouped(removal: Removal, groups: Sequence[PictureGroup]) -> int:
    """Return how many files are in no group.

    Files of deleted objects are in no group either. In a draft of a few batches they are not
    counted; in a larger one they are, because finding them would take too many queries.
    """
    left = removal.pictures_total - sum(group.pictures for group in groups)
    if left <= 0 or removal.batches.count() > BATCHES_PER_CHUNK:
        return max(left, 0)
    return max(left - files_of_deleted_objects(removal), 0)


def _details(
    viewer: Viewer, removal: Removal, groups: Sequence[PictureGroup], keys: Keys
) -> list[GroupDetails]:
    visible = visible_keys(viewer, removal)
    return details_of_groups(groups, model_of(removal), keys, visible)


def _previews(
    viewer: Viewer, removal: Removal, details: Sequence[GroupDetails]
) -> list[GroupPreview]:
    """Return the previews of groups, without those that have been deleted in the meantime."""
    files = [each.file for each in details if each.file]
    rows = details_of(files, using=AuditEntry.objects.db)
    names = row_names(removal, [each.object_key for each in details if each.file])
    numbers = batch_numbers(removal, [each.object_key for each in details if each.objects == 1])
    return [
        GroupPreview(
            details=each,
            picture_url=picture_url(viewer.site, each.file),
            title=str(rows[each.file].get("title") or names.get(each.object_key, "")),
            owner=str(rows[each.file].get("owner") or ""),
            url=viewer.url_of(model_of(removal), each.object_key),
            is_animated=(rows[each.file].get("frames") or 1) > 1,
            object_name=names.get(each.object_key, ""),
            object_key=str(each.object_key),
            object_value=object_value(numbers.get(str(each.object_key), 0), each.object_key),
        )
        for each in details
        if each.file
    ]


def _order(viewer: Viewer) -> str:
    """Return the requested order, or the default one."""
    requested = viewer.request.GET.get("order", "")
    return requested if requested in Order.values else Order.RAREST.value
