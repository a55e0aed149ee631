"""The previews of files and objects on the page of a draft."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.db.models import Model

from moderation import conf
from moderation.admin import thumbnails
from moderation.admin.display import Viewer, row_names
from moderation.admin.removals.batch_ranges import batches_between
from moderation.admin.removals.object_details import (
    TEXT_LENGTH,
    ObjectDetails,
    details_of_objects,
)
from moderation.admin.removals.object_permissions import visible_to
from moderation.admin.removals.selected_objects import visible_keys
from moderation.cascade import Plan, json_key, make_plan
from moderation.cascade.batches import keys_of, model_of, plan_batch
from moderation.models import AuditEntry, Removal, batch_numbers
from moderation.registry import registration_by_label
from moderation.registry.files import StoredFile, details_of

PICTURES_PER_OBJECT = 3  # as on the change list of posts


@dataclass(frozen=True, slots=True)
class FilePreview:
    """A file that will be erased.

    `object_value` is the value of the Keep button, for the selected object that the file belongs
    to. `is_animated` is set if the picture has more than one frame.
    """

    title: str
    owner: str
    url: str
    picture_url: str
    file_name: str
    size: int | None
    is_animated: bool
    object_name: str
    object_key: str
    object_value: str


@dataclass(frozen=True, slots=True)
class ObjectPreview:
    """An object of the selection. `is_missing` is set if it no longer exists or is not visible.

    `files` is the number of its pictures and other files; `picture_urls` are the first pictures.
    """

    object_name: str
    url: str
    details: ObjectDetails
    files: int
    picture_urls: list[str]
    object_key: str
    object_value: str
    is_missing: bool

    @property
    def owner(self) -> str:
        """Return the name of the owner, or ""."""
        return self.details.owner


def file_previews(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[FilePreview]:
    """Return the previews of the files from `start` to `stop`.

    Plans only the batches of these files. Omits files of objects that the admin no longer shows to
    the viewer. Raises TooManyRows if a batch has grown too large since the freeze.
    """
    found: list[tuple[StoredFile, Any, int]] = []
    for batch, wanted in batches_between(removal, "pictures_total", start, stop):
        plan = plan_batch(batch)
        found += [(file, plan.files[file], batch.number) for file in plan.pictures()[wanted]]
    visible = visible_to(viewer, removal, {root for _, root, _ in found})
    found = [each for each in found if each[1] in visible]
    details = details_of((file for file, _, _ in found), using=AuditEntry.objects.db)
    names = row_names(removal, {root for _, root, _ in found})
    return [
        FilePreview(
            title=str(details[file].get("title") or names.get(root, "")),
            owner=str(details[file].get("owner") or ""),
            url=viewer.url_of(*_row_to_link(details[file], removal, root)),
            picture_url=picture_url(viewer.site, file),
            file_name=PurePosixPath(file.name).name,
            size=details[file].get("size") if _is_measured(file) else None,
            is_animated=_is_measured(file) and (details[file].get("frames") or 1) > 1,
            object_name=names.get(root, ""),
            object_key=str(root),
            object_value=object_value(number, root),
        )
        for file, root, number in found
    ]


def object_value(number: int, key: Any) -> str:
    """Return the value of the Keep button of an object: the number of its batch, and its key."""
    return f"{number}:{json_key(key)}"


def _row_to_link(details: dict[str, Any], removal: Removal, root: Any) -> tuple[type[Model], Any]:
    """Return the model and key of the row to link to: the parent of the file's row, or the root."""
    label, key = details.get("parent_label"), details.get("parent_key")
    return (apps.get_model(label), key) if label and key is not None else (model_of(removal), root)


def _is_measured(file: StoredFile) -> bool:
    """Return whether the size and the number of frames of the row are those of this file."""
    return bool(file.field) and registration_by_label(file.label).measured_field == file.field


def picture_url(site: AdminSite, file: StoredFile) -> str:
    """Return the URL of a picture's thumbnail, or "" for other files."""
    registration = registration_by_label(file.label)
    if not file.field or file.field != registration.picture:
        return ""
    return thumbnails.picture_url(site, registration, file.key)


def object_previews(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[ObjectPreview]:
    """Return the previews of the objects from `start` to `stop`, including missing ones.

    Raises TooManyRows if a batch has grown too large since the freeze.
    """
    previews: list[ObjectPreview] = []
    for batch, wanted in batches_between(removal, "objects_total", start, stop):
        keys = keys_of(batch)[wanted]
        numbers = dict.fromkeys(keys, batch.number)
        previews += _previews_of(viewer, removal, numbers, plan_batch(batch, keys=keys))
    return previews


def object_previews_without_picture(
    viewer: Viewer, removal: Removal, start: int, stop: int
) -> list[ObjectPreview]:
    """Return the previews of the objects without pictures from `start` to `stop`."""
    previews: list[ObjectPreview] = []
    for batch, wanted in batches_between(removal, "without_picture_total", start, stop):
        plan = plan_batch(batch)
        numbers = dict.fromkeys(plan.without_picture()[wanted], batch.number)
        previews += _previews_of(viewer, removal, numbers, plan)
    return previews


def previews_of_objects(
    viewer: Viewer, removal: Removal, keys: Iterable[Any], *, text_length: int = TEXT_LENGTH
) -> list[ObjectPreview]:
    """Return the previews of these objects, if they are selected, in the order of the keys.

    Raises TooManyRows if they have more rows with files than one transaction may delete.
    """
    in_batch = batch_numbers(removal, keys)
    numbers = {key: in_batch[str(key)] for key in keys if str(key) in in_batch}
    plan = _plan_of(removal, numbers)
    return _previews_of(viewer, removal, numbers, plan, text_length=text_length)


def previews_of_others(
    viewer: Viewer, removal: Removal, keys: Iterable[Any]
) -> list[ObjectPreview]:
    """Return the previews of objects that are not selected.

    Raises TooManyRows as `previews_of_objects` does.
    """
    numbers = dict.fromkeys(keys, 0)  # they are in no batch
    return _previews_of(viewer, removal, numbers, _plan_of(removal, numbers))


def _plan_of(removal: Removal, keys: Iterable[Any]) -> Plan:
    """Return a plan of files only: objects of several batches may have too many rows together."""
    using, limit = AuditEntry.objects.db, conf.batch_rows()
    return make_plan(model_of(removal), list(keys), using=using, limit=limit, only_files=True)


def kept_previews(viewer: Viewer, removal: Removal, start: int, stop: int) -> list[ObjectPreview]:
    """Return the previews of the kept objects from `start` to `stop`, including missing ones.

    Raises TooManyRows if they have grown too large since the freeze.
    """
    previews: list[ObjectPreview] = []
    to_python = model_of(removal)._meta.pk.to_python
    for batch, wanted in batches_between(removal, "kept_total", start, stop):
        keys = list(map(to_python, batch.kept[wanted]))
        numbers = dict.fromkeys(keys, batch.number)
        previews += _previews_of(viewer, removal, numbers, plan_batch(batch, keys=keys))
    return previews


def _previews_of(
    viewer: Viewer,
    removal: Removal,
    numbers: Mapping[Any, int],
    plan: Plan,
    *,
    text_length: int = TEXT_LENGTH,
) -> list[ObjectPreview]:
    """Return the previews of objects, from the keys with the numbers of their batches."""
    files: dict[Any, list[StoredFile]] = defaultdict(list)
    for file in plan.pictures():
        files[plan.files[file]].append(file)
    visible = visible_to(viewer, removal, list(numbers))
    names = row_names(removal, visible)
    keys = visible_keys(viewer, removal)
    details = details_of_objects(plan.model, visible, keys, text_length=text_length)
    return [
        ObjectPreview(
            object_name=names.get(key) or str(key),
            url=viewer.url_of(plan.model, key) if key in names else "",
            details=details.get(key, ObjectDetails()),
            files=len(files[key]),
            picture_urls=_first_picture_urls(viewer, files[key]) if key in names else [],
            object_key=str(key),
            object_value=object_value(number, key),
            is_missing=key not in names,
        )
        for key, number in numbers.items()
    ]


def _first_picture_urls(viewer: Viewer, files: Iterable[StoredFile]) -> list[str]:
    urls = (picture_url(viewer.site, file) for file in files)
    return list(islice(filter(None, urls), PICTURES_PER_OBJECT))
