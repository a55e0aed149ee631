"""Review rules about pictures, for any model with registered pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Max, Min, QuerySet, TextField, UUIDField
from django.db.models.functions import Cast
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.db.keys import key_field
from moderation.registry.content import PictureSource, picture_sources_of
from moderation.registry.pictures import has_picture, rows_with_sha256
from moderation.registry.review_rule import review_rule


@review_rule(
    title=_("no picture"),
    # Spam without its picture advertises nothing. It is caught by a filter for pictures or for
    # their text only by mistake.
    weight=2,
    phrase=lambda: gettext("No picture, although nearly all the others have one"),
)
def no_picture(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Mark the objects without a picture, if others have one."""
    with_picture = has_picture(objects.model, objects.db)
    if with_picture and objects.filter(with_picture).exists():
        without = objects.exclude(with_picture).order_by()
        for key in without.values_list("pk", flat=True).iterator():
            yield key, {}


@review_rule(
    title=_("a picture that is nowhere else in the selection"),
    # A wave repeats its pictures. But the last copy of an advertisement is also unique, so this
    # says less than the other rules.
    weight=1,
    phrase=lambda: gettext("A picture that is nowhere else in the selection"),
)
def unique_picture(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Mark the objects that have a picture which no other object of the selection has."""
    sources, field = picture_sources_of(objects.model), key_field(objects.model)
    for source in sources:
        rows = _rows_of(source, objects).order_by()
        for other in sources:
            if other is not source:
                elsewhere = _rows_of(other, objects).values(other.sha256)
                rows = rows.exclude(**{f"{source.sha256}__in": elsewhere})
        key: Any = F(source.to_object)
        if isinstance(field, UUIDField):  # PostgreSQL has no minimum of UUIDs
            key = Cast(key, TextField())
        pictures = rows.values(source.sha256).annotate(smallest_key=Min(key), largest_key=Max(key))
        unique = pictures.filter(smallest_key=F("largest_key"))
        for found in unique.values_list("smallest_key", flat=True).distinct().iterator():
            yield field.to_python(found), {}


def _rows_of(source: PictureSource, objects: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a source whose pictures belong to some objects and have a SHA-256."""
    rows = rows_with_sha256(source, objects.db)
    return rows.filter(**{f"{source.to_object}__in": objects.values("pk")})
