"""Pictures outside of a selection that are similar to those of a group.

The database finds them by its indexes, so there is nothing to keep in memory or up to date here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, Q, QuerySet

from moderation.db.hash_chunks import has_similarity_indexes, with_similar_chunk
from moderation.db.rows import all_rows
from moderation.images.perceptual import THRESHOLD, distance
from moderation.models import AuditEntry
from moderation.picture_groups.groups import Keys, PictureGroup, rows_of
from moderation.registry.content import PictureSource, picture_sources_of

# The most hashes of a group for which similar pictures are looked up. The query has 266 values for
# each hash.
MAX_LOOKED_UP = 20


def objects_with_similar(
    group: PictureGroup, model: type[Model], keys: Keys, visible: Keys | None = None
) -> QuerySet[Any]:
    """Return the objects without these keys that have a picture similar to one of a group.

    Identical files do not count, nor do pictures of models without `similarity_indexes`. `visible`
    are the keys of all objects that may be named to the viewer: None for every object of the model.
    """
    matching = Q(pk__in=[])
    for source in picture_sources_of(model):
        if can_search(source):
            rows = _similar_rows(source, group)
            matching |= Q(pk__in=rows.values(source.to_object))
    objects = all_rows(model, AuditEntry.objects.db).filter(matching).exclude(pk__in=keys)
    return objects if visible is None else objects.filter(pk__in=visible)


def can_search_for(model: type[Model]) -> bool:
    """Return whether similar pictures of a model's objects can be found."""
    return any(map(can_search, picture_sources_of(model)))


def can_search(source: PictureSource) -> bool:
    """Return whether the database has the indexes to find similar pictures of a source."""
    column = source.registration.perceptual_hash
    return bool(column) and has_similarity_indexes(source.registration.model._meta.indexes, column)


def similar_hashes(source: PictureSource, hashes: Iterable[str]) -> set[str]:
    """Return all stored hashes that differ from one of these in at most THRESHOLD bits."""
    column = source.registration.perceptual_hash
    wanted = {each: int(each, 16) for each in hashes}
    rows = all_rows(source.registration.model, AuditEntry.objects.db).order_by()
    candidates = with_similar_chunk(rows, column, wanted).values_list(column, flat=True).distinct()
    return {
        candidate
        for candidate in candidates
        if any(distance(int(candidate, 16), number) <= THRESHOLD for number in wanted.values())
    }


def hash_of(group: PictureGroup, model: type[Model]) -> str:
    """Return the perceptual hash of a picture of a group, by which similar ones can be found.

    Returns "" if none of its pictures has one, or if similar ones cannot be found.
    """
    for source in filter(can_search, picture_sources_of(model)):
        hashes = _hashes(source, group)[:1]
        if hashes:
            return str(hashes[0])
    return ""


def _hashes(source: PictureSource, group: PictureGroup) -> QuerySet[Any]:
    """Return the different perceptual hashes of a group's pictures, in order."""
    column = source.registration.perceptual_hash
    of_group = {f"{source.sha256}__any_of": group.sha256s, f"{column}__gt": ""}
    rows = rows_of(source).filter(**of_group).order_by(column)
    return rows.values_list(column, flat=True).distinct()


def _similar_rows(source: PictureSource, group: PictureGroup) -> QuerySet[Any]:
    """Return the rows of a source with pictures that are similar to a group, but not in it."""
    column = source.registration.perceptual_hash
    rows = rows_of(source)
    similar = similar_hashes(source, _hashes(source, group)[:MAX_LOOKED_UP])
    return rows.filter(**{f"{column}__any_of": similar}).exclude(
        **{f"{source.sha256}__any_of": group.sha256s}
    )
