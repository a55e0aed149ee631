"""What the pages of a draft show of an object, so that a moderator can decide about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, DateTimeField, F, Model, QuerySet, Value, Window
from django.db.models.functions import Left, RowNumber

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.picture_groups.groups import Keys
from moderation.registry.content import content_of

TEXT_LENGTH = 300  # characters: the first lines, which tell spam from the rest
LONG_TEXT_LENGTH = 1_000  # where the text is all that there is
NO_TIME = Value(None, output_field=DateTimeField())
MAX_TEXTS = 3  # texts of reports shown for each object


@dataclass(slots=True)
class ObjectDetails:
    """The owner, time and text of an object, the reports about it, and the owner's other objects.

    `text` is the beginning of the text. `report_texts` are the texts of some of the `reports`.
    `others` is the number of the owner's other objects that may be named to the viewer, selected or
    not.
    """

    owner: str = ""
    created: datetime | None = None
    text: str = ""
    reports: int = 0
    report_texts: list[str] = field(default_factory=list)
    others: int = 0


def details_of_objects(
    model: type[Model],
    keys: Collection[Any],
    visible: Keys | None = None,
    *,
    text_length: int = TEXT_LENGTH,
) -> dict[Any, ObjectDetails]:
    """Return the details of the objects with these keys that exist. Runs at most four queries.

    `visible` are the keys of all objects that may be named to the viewer: None for every object of
    the model. They include `keys`.
    """
    content = content_of(model)
    rows = all_rows(model, AuditEntry.objects.db).filter(pk__any_of=set(keys)).order_by()
    columns = {
        "owner": F(content.owner) if content.owner else Value(""),
        "created": F(content.created) if content.created else NO_TIME,
        "text": Left(content.text, text_length) if content.text else Value(""),
    }
    found, owners = {}, {}
    for key, owner, created, text in rows.values_list("pk", *columns.values()):
        owners[key] = owner
        found[key] = ObjectDetails(_text(owner), created, text or "")
    if content.reports:
        _add_reports(found, rows, content.reports)
    if content.owner:
        objects = all_rows(model, AuditEntry.objects.db)
        objects = objects if visible is None else objects.filter(pk__in=visible)
        _add_others(found, objects, content.owner, owners)
    return found


def _add_reports(found: dict[Any, ObjectDetails], rows: QuerySet[Any], reports: str) -> None:
    """Add the number of reports and some of their texts."""
    for key, number in rows.values_list("pk").annotate(number=Count(reports)):
        found[key].reports = number
    position = Window(RowNumber(), partition_by=F("pk"), order_by=F(reports).desc())
    # Neither NULL nor "" is greater than "". An exclusion would find the objects that have only
    # reports with a text.
    texts = rows.filter(**{f"{reports}__gt": ""})
    first = texts.annotate(position=position).filter(position__lte=MAX_TEXTS)
    for key, text in first.order_by("position").values_list("pk", reports):
        found[key].report_texts.append(str(text))


def _add_others(
    found: dict[Any, ObjectDetails], objects: QuerySet[Any], owner: str, owners: dict[Any, Any]
) -> None:
    """Add the numbers of the owners' other objects. `owners` are the values of the lookup."""
    known = {value for value in owners.values() if _text(value)}
    rows = objects.filter(**{f"{owner}__in": known}).order_by()
    numbers = dict(rows.values_list(owner).annotate(number=Count("pk")))
    for key, details in found.items():
        details.others = max(numbers.get(owners[key], 0) - 1, 0)


def _text(owner: Any) -> str:
    return "" if owner is None else str(owner)
