"""The groups of a selection's pictures: identical files, and nearly identical ones.

A group is found by SQL that reads the database as it is, for a selection of any size. What a page
needs to know about its groups is read for that page only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    Max,
    Min,
    Model,
    Q,
    QuerySet,
    TextChoices,
    Value,
)
from django.utils.translation import gettext_lazy as _

from moderation.models import AuditEntry
from moderation.picture_groups.near import group_hashes
from moderation.registry.content import PictureSource, picture_sources_of
from moderation.registry.pictures import rows_with_sha256

# The most distinct pictures that are compared with each other. Above it, only identical files form
# a group. 10,000 pictures take about a second, and the time grows with the square.
MAX_COMPARED = 20_000

# The keys of objects, for `__in`: an expression such as `FrozenKeys`, or a queryset of keys.
Keys = Any


class Order(TextChoices):
    """The orders in which the groups can be reviewed."""

    RAREST = "rarest", _("rarest first")
    LARGEST = "largest", _("largest first")
    OLDEST = "oldest", _("oldest first")


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures of a selection that are shown once: the SHA-256 of each distinct file.

    `pictures` is the number of pictures of the selection in it, `oldest` the time of the oldest of
    their objects, if the groups are ordered by it. `reviewed` is the number of pictures that belong
    to objects which have been reviewed. `has_hash` is true if it can be compared with other groups.
    """

    sha256s: tuple[str, ...]
    pictures: int
    oldest: datetime | None
    reviewed: int = 0
    has_hash: bool = False

    @property
    def key(self) -> str:
        """Return the name of the group: the smallest SHA-256."""
        return self.sha256s[0]

    @property
    def is_near(self) -> bool:
        """Return whether the pictures are only nearly identical."""
        return len(self.sha256s) > 1

    @property
    def is_reviewed(self) -> bool:
        """Return whether all of its objects have been reviewed."""
        return self.reviewed == self.pictures


def can_group(model: type[Model]) -> bool:
    """Return whether the pictures of a model's objects can be grouped."""
    return bool(picture_sources_of(model))


def picture_groups(
    model: type[Model], keys: Keys, order: str = Order.RAREST, reviewed: Keys | None = None
) -> list[PictureGroup]:
    """Return the groups of the pictures of a model's objects with these keys.

    `reviewed` are the keys of objects that have been reviewed. Runs one query for each model with
    pictures. Memory grows with the number of distinct pictures.
    """
    found: dict[str, PictureGroup] = {}
    hashes: dict[str, str] = {}
    for source in picture_sources_of(model):
        for group, perceptual_hash in _distinct_pictures(source, keys, order, reviewed):
            sha256 = group.key
            found[sha256] = _joined([found[sha256], group]) if sha256 in found else group
            hashes[sha256] = perceptual_hash or hashes.get(sha256, "")
    return sorted(_with_near_joined(found, hashes), key=SORT_KEYS[Order(order)])


def can_compare(groups: Iterable[PictureGroup]) -> bool:
    """Return whether nearly identical pictures are joined: not if there are too many to compare.

    The groups may be those before or after the joining.
    """
    return sum(group.has_hash for group in groups) <= MAX_COMPARED


def group_of(groups: Iterable[PictureGroup], key: str) -> PictureGroup | None:
    """Return the group that contains a file, by its SHA-256."""
    return next((group for group in groups if key in group.sha256s), None)


def groups_of_object(
    groups: Iterable[PictureGroup], model: type[Model], key: Any
) -> list[PictureGroup]:
    """Return the groups that contain a picture of an object. Runs one query for each source."""
    own = {
        sha256
        for source in picture_sources_of(model)
        for sha256 in rows_of(source)
        .filter(**{source.to_object: key})
        .values_list(source.sha256, flat=True)
    }
    return [group for group in groups if not own.isdisjoint(group.sha256s)]


def rows_of(source: PictureSource) -> QuerySet[Any]:
    """Return the rows of a source whose pictures can be grouped."""
    return rows_with_sha256(source, AuditEntry.objects.db).order_by()


def _distinct_pictures(
    source: PictureSource, keys: Keys, order: str, reviewed: Keys | None
) -> Iterator[tuple[PictureGroup, str]]:
    """Yield each distinct picture as a group of its own, and its perceptual hash or "".

    The time is read only for the order by it, because it is usually in another table.
    """
    created = source.lookup("created") if order == Order.OLDEST else ""
    perceptual_hash = source.lookup("perceptual_hash")
    rows = rows_of(source).filter(**{f"{source.to_object}__in": keys})
    counted = rows.values(source.sha256).annotate(
        pictures_in_group=Count("pk"),
        oldest_in_group=Min(created) if created else Value(None, output_field=DateTimeField()),
        hash_in_group=Max(perceptual_hash) if perceptual_hash else Value(""),
        reviewed_in_group=Count("pk", filter=Q(**{f"{source.to_object}__in": reviewed}))
        if reviewed is not None
        else Value(0),
    )
    columns = ("pictures_in_group", "oldest_in_group", "reviewed_in_group", "hash_in_group")
    for sha256, pictures, oldest, of_reviewed, found_hash in counted.values_list(
        source.sha256, *columns
    ):
        group = PictureGroup((sha256,), pictures, oldest, of_reviewed, bool(found_hash))
        yield group, found_hash or ""


def _with_near_joined(
    groups: dict[str, PictureGroup], hashes: dict[str, str]
) -> Iterable[PictureGroup]:
    """Return the groups with nearly identical ones joined, unless there are too many to compare."""
    if not can_compare(groups.values()):
        return groups.values()
    with_hash = sorted(sha256 for sha256, perceptual_hash in hashes.items() if perceptual_hash)
    joined = dict(groups)
    for indexes in group_hashes([hashes[sha256] for sha256 in with_hash]):
        near = [joined.pop(with_hash[index]) for index in indexes]
        joined[near[0].key] = _joined(near)
    return joined.values()


def _joined(groups: Sequence[PictureGroup]) -> PictureGroup:
    """Return one group of the pictures of several."""
    times = [group.oldest for group in groups if group.oldest]
    return replace(
        groups[0],
        sha256s=tuple(sorted({sha256 for group in groups for sha256 in group.sha256s})),
        pictures=sum(group.pictures for group in groups),
        oldest=min(times, default=None),
        reviewed=sum(group.reviewed for group in groups),
        has_hash=any(group.has_hash for group in groups),
    )


def _age(group: PictureGroup) -> tuple[bool, Any, str]:
    return (group.oldest is None, group.oldest, group.key)


SORT_KEYS: dict[str, Any] = {
    Order.RAREST: lambda group: (group.pictures, *_age(group)),
    Order.LARGEST: lambda group: (-group.pictures, *_age(group)),
    Order.OLDEST: _age,
}
