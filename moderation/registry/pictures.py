"""Which rows have a picture, and which objects, as conditions that SQL can check."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from moderation.db.rows import all_rows
from moderation.registry.content import PictureSource, all_picture_sources_of
from moderation.registry.files import file_columns_of


def has_picture(model: type[Model], using: str) -> Q:
    """Return the condition that an object of a model has a registered picture.

    It is empty, and therefore false in `bool()`, if no pictures are registered.
    """
    condition = Q()
    for source in all_picture_sources_of(model):
        rows = all_rows(source.registration.model, using).filter(_names_a_file(source))
        condition |= Q(Exists(rows.filter(**{source.to_object: OuterRef("pk")})))
    return condition


def rows_with_sha256(source: PictureSource, using: str) -> QuerySet[Any]:
    """Return the rows of a source whose picture has a SHA-256 and is not a default."""
    # Neither NULL nor "" is greater than "".
    known = Q(**{f"{source.sha256}__gt": ""})
    return all_rows(source.registration.model, using).filter(known & _names_a_file(source))


def _names_a_file(source: PictureSource) -> Q:
    """Return the condition that the picture of a row is neither empty nor a default."""
    picture = source.registration.picture
    defaults = {field: names for field, _, _, names in file_columns_of(source.registration)}
    # Neither NULL nor "" is greater than "".
    return Q(**{f"{picture}__gt": ""}) & ~Q(**{f"{picture}__in": defaults.get(picture, ())})
