"""What a page shows about its groups: a picture, and how many objects and owners share it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    F,
    IntegerField,
    Model,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.picture_groups.groups import Keys, PictureGroup, rows_of
from moderation.registry.content import PictureSource, picture_sources_of
from moderation.registry.files import StoredFile


@dataclass(slots=True)
class GroupDetails:
    """A group with one of its pictures, and numbers of the objects that have one of them.

    `objects`, `owners` and `reported` count selected objects, their distinct owners, and those with
    reports. `others` counts objects that were not selected. `object_key` is that of the object
    that `file`, the picture to be shown, belongs to.
    """

    group: PictureGroup
    file: StoredFile | None = None
    object_key: Any = None
    objects: int = 0
    owners: int = 0
    reported: int = 0
    others: int = 0


def details_of_groups(
    groups: Sequence[PictureGroup], model: type[Model], keys: Keys, visible: Keys | None = None
) -> list[GroupDetails]:
    """Return the details of the groups of one page.

    `keys` are those of the selected objects, `visible` those of all objects that may be named to
    the viewer: None for every object of the model. An object that has pictures in two models is
    counted twice. Runs three queries for each model with pictures.
    """
    found = [GroupDetails(group) for group in groups]
    if not groups:
        return found
    for source in picture_sources_of(model):
        rows = _numbered(source, groups)
        selected = rows.filter(_is_among(source, keys))
        for number, objects, owners, reported in _counts(source, selected):
            details = found[number]
            details.objects += objects
            details.owners += owners
            details.reported += reported
        for number, key, object_key, name in _first_rows(source, selected):
            details = found[number]
            if details.file is None:
                details.file, details.object_key = _file(source, key, name), object_key
        everywhere = rows if visible is None else rows.filter(_is_among(source, visible))
        for number, objects in _objects(source, everywhere):
            found[number].others += objects
    for details in found:
        details.others = max(details.others - details.objects, 0)
    return found


def files_of(
    group: PictureGroup, model: type[Model], objects: Collection[Any]
) -> list[PictureGroup]:
    """Return the different files of a group that objects have, each as a group of its own.

    `objects` are keys, and few. Runs one query for each model with pictures.
    """
    sha256s: set[str] = set()
    for source in picture_sources_of(model):
        rows = rows_of(source).filter(**{f"{source.to_object}__in": objects})
        found = rows.filter(**{f"{source.sha256}__any_of": set(group.sha256s)})
        sha256s.update(found.values_list(source.sha256, flat=True).distinct())
    return [replace(group, sha256s=(sha256,)) for sha256 in sorted(sha256s)]


def objects_with(
    groups: Iterable[PictureGroup], model: type[Model], keys: Keys | None = None
) -> QuerySet[Any]:
    """Return the objects with these keys, or all, that have a picture of one of the groups."""
    matching, sha256s = Q(pk__in=[]), {each for group in groups for each in group.sha256s}
    for source in picture_sources_of(model):
        rows = rows_of(source).filter(**{f"{source.sha256}__any_of": sha256s})
        matching |= Q(pk__in=rows.values(source.to_object))
    objects = all_rows(model, AuditEntry.objects.db).filter(matching)
    return objects if keys is None else objects.filter(pk__in=keys)


def _is_among(source: PictureSource, keys: Keys) -> Case:
    """Return the condition that a row's object has one of these keys.

    A plain condition would become a join in PostgreSQL that starts with the keys, whose number it
    cannot estimate. As a CASE, it is checked for the rows of the groups only.
    """
    among = When(**{f"{source.to_object}__in": keys}, then=Value(True))  # noqa: FBT003 - SQL's
    return Case(among, default=Value(False), output_field=BooleanField())  # noqa: FBT003


def _numbered(source: PictureSource, groups: Sequence[PictureGroup]) -> Any:
    """Return the rows of these groups, with the position of their group as `group_number`."""
    sha256s = {sha256 for group in groups for sha256 in group.sha256s}
    cases = [
        When(**{f"{source.sha256}__any_of": set(group.sha256s)}, then=Value(number))
        for number, group in enumerate(groups)
    ]
    return (
        rows_of(source)
        .filter(**{f"{source.sha256}__any_of": sha256s})
        .annotate(group_number=Case(*cases, output_field=IntegerField()))
    )


def _counts(source: PictureSource, rows: QuerySet[Any]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the numbers of objects, owners and reported objects of each group."""
    owner, reports = source.lookup("owner"), source.lookup("reports")
    counted = (
        rows.order_by()
        .values("group_number")
        .annotate(
            objects_in_group=Count(source.to_object, distinct=True),
            owners_in_group=Count(owner, distinct=True) if owner else Value(0),
            reported_in_group=Count(
                source.to_object, distinct=True, filter=Q(**{f"{reports}__isnull": False})
            )
            if reports
            else Value(0),
        )
    )
    yield from counted.values_list(
        "group_number", "objects_in_group", "owners_in_group", "reported_in_group"
    )


def _objects(source: PictureSource, rows: QuerySet[Any]) -> Iterator[tuple[int, int]]:
    """Yield the number of objects of each group."""
    objects = Count(source.to_object, distinct=True)
    yield from (
        rows.values("group_number")
        .annotate(objects_in_group=objects)
        .values_list("group_number", "objects_in_group")
    )


def _first_rows(source: PictureSource, rows: QuerySet[Any]) -> Iterator[tuple[int, Any, Any, str]]:
    """Yield one row of each group: its key, the key of its object, and the name of its picture."""
    position = Window(RowNumber(), partition_by=F("group_number"), order_by="pk")
    first = rows.annotate(position_in_group=position).filter(position_in_group=1)
    yield from first.values_list(
        "group_number", "pk", source.to_object, source.registration.picture
    )


def _file(source: PictureSource, key: Any, name: str) -> StoredFile:
    registration = source.registration
    return StoredFile(registration.label, key, registration.picture, "", name)
