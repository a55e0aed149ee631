"""What the pages of a draft show about an object, so that a moderator can decide about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, DateTimeField, F, Model, QuerySet, Value, Window
from django.db.models.functions import Left, RowNumber

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.registry.content import content_of

TEXT_LENGTH = 300  # characters: the first lines, which tell spam from the rest
NO_TIME = Value(None, output_field=DateTimeField())
MAX_COMPLAINTS = 3  # texts of complaints shown for each object


@dataclass(slots=True)
class ObjectDetails:
    """The owner, time and text of an object, the complaints about it, and the owner's others.

    `text` is the beginning of the text. `complaints` are the texts of some of the `reports`.
    `others` is the number of other objects of the owner, selected or not.
    """

    owner: str = ""
    created: datetime | None = None
    text: str = ""
    reports: int = 0
    complaints: list[str] = field(default_factory=list)
    others: int = 0


def details_of_objects(model: type[Model], keys: Collection[Any]) -> dict[Any, ObjectDetails]:
    """Return the details of the objects with these keys that exist. Runs at most four queries."""
    content = content_of(model)
    rows = all_rows(model, AuditEntry.objects.db).filter(pk__any_of=set(keys)).order_by()
    columns = {
        "owner": F(content.owner) if content.owner else Value(""),
        "created": F(content.created) if content.created else NO_TIME,
        "text": Left(content.text, TEXT_LENGTH) if content.text else Value(""),
    }
    found = {
        key: ObjectDetails(str(owner or ""), created, text or "")
        for key, owner, created, text in rows.values_list("pk", *columns.values())
    }
    if content.reports:
        _add_complaints(found, rows, content.reports)
    if content.owner:
        _add_others(found, model, content.owner)
    return found


def _add_complaints(found: dict[Any, ObjectDetails], rows: QuerySet[Any], reports: str) -> None:
    """Add the number of complaints and some of their texts."""
    for key, number in rows.values_list("pk").annotate(number=Count(reports)):
        found[key].reports = number
    position = Window(RowNumber(), partition_by=F("pk"), order_by=F(reports).desc())
    texts = rows.exclude(**{f"{reports}__isnull": True}).exclude(**{reports: ""})
    first = texts.annotate(position=position).filter(position__lte=MAX_COMPLAINTS)
    for key, text in first.values_list("pk", reports):
        found[key].complaints.append(str(text))


def _add_others(found: dict[Any, ObjectDetails], model: type[Model], owner: str) -> None:
    """Add the numbers of the owners' other objects."""
    owners = {details.owner for details in found.values() if details.owner}
    rows = all_rows(model, AuditEntry.objects.db).filter(**{f"{owner}__in": owners}).order_by()
    numbers = dict(rows.values_list(owner).annotate(number=Count("pk")))
    for details in found.values():
        details.others = max(numbers.get(details.owner, 0) - 1, 0)
