"""What a page shows about its groups: a picture, and who posted it how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from moderation.picture_groups.groups import PictureGroup, rows_of
from moderation.registry.content import PictureSource, picture_sources_of
from moderation.registry.files import StoredFile


@dataclass(slots=True)
class GroupDetails:
    """A group with one of its pictures, and numbers of the objects that have one of them.

    `objects`, `owners` and `reported` count selected objects, their distinct owners, and those with
    complaints. `others` counts objects that were not selected. `object_key` is that of the object
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
    groups: Sequence[PictureGroup], objects: QuerySet[Any], others: QuerySet[Any]
) -> list[GroupDetails]:
    """Return the details of the groups of one page.

    `objects` are the selected objects, `others` all objects that may be named to the viewer. An
    object that has pictures in two models is counted twice. Runs three queries for each model with
    pictures.
    """
    found = [GroupDetails(group) for group in groups]
    if not groups:
        return found
    for source in picture_sources_of(objects.model):
        selected = _numbered(rows_of(source, objects), source, groups)
        for number, objects_, owners, reported in _counts(source, selected):
            details = found[number]
            details.objects += objects_
            details.owners += owners
            details.reported += reported
        for number, key, to_object, name in _first_rows(source, selected):
            details = found[number]
            if details.file is None:
                details.file, details.object_key = _file(source, key, name), to_object
        everywhere = _numbered(rows_of(source, others), source, groups)
        for number, objects_, _owners, _reported in _counts(source, everywhere):
            found[number].others += objects_
    for details in found:
        details.others = max(details.others - details.objects, 0)
    return found


def objects_with(group: PictureGroup, objects: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of some objects that have a picture of a group."""
    matching = Q()
    for source in picture_sources_of(objects.model):
        rows = rows_of(source, objects).filter(**{f"{source.sha256}__in": group.sha256s})
        matching |= Q(pk__in=rows.values(source.to_object))
    return objects.filter(matching)


def _numbered(rows: QuerySet[Any], source: PictureSource, groups: Sequence[PictureGroup]) -> Any:
    """Return the rows of these groups, with the position of their group as `group_number`."""
    sha256s = {sha256 for group in groups for sha256 in group.sha256s}
    cases = [
        When(**{f"{source.sha256}__in": group.sha256s}, then=Value(number))
        for number, group in enumerate(groups)
    ]
    return rows.filter(**{f"{source.sha256}__any_of": sha256s}).annotate(
        group_number=Case(*cases, output_field=IntegerField())
    )


def _counts(source: PictureSource, rows: QuerySet[Any]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the numbers of objects, owners and objects with complaints of each group."""
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
