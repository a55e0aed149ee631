"""The groups of a selection's texts, for the objects that have no picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import Model, QuerySet, Value
from django.db.models.functions import Left

from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.picture_groups.groups import Keys
from moderation.picture_groups.similar_texts import group_texts, is_available
from moderation.registry.content import content_of
from moderation.registry.pictures import has_picture

# Characters that are read of each title and of each text. Some 300 words tell texts apart; more
# would take time and memory, and an author decides how long a text is.
TITLE_LENGTH = 200
TEXT_LENGTH = 2_000

ROWS_AT_ONCE = 500  # rows in memory, with their texts

# The key of an object, its owner, and its title and text.
Row = tuple[Any, Any, str | None, str | None]


@dataclass(frozen=True, slots=True)
class TextGroup:
    """Objects with similar texts: their keys, and the number of their owners.

    The texts are similar to that of the first object, which stands for the group.
    """

    keys: tuple[Any, ...]
    owners: int


def can_group(model: type[Model]) -> bool:
    """Return whether the texts of a model's objects can be grouped."""
    return is_available() and bool(content_of(model).text)


def text_groups(model: type[Model], keys: Keys) -> list[TextGroup]:
    """Return the groups of the texts of the objects without pictures, the rarest first.

    `keys` are those of the selected objects. Runs one query. The time grows with the number of
    objects without pictures, so the caller limits it.
    """
    groups = [_group(rows) for rows in _similar_rows(_rows_of(_without_picture(model, keys)))]
    return sorted(groups, key=lambda group: len(group.keys))


def group_of(groups: Iterable[TextGroup], key: str) -> TextGroup | None:
    """Return the group that contains an object, by the text of its key."""
    return next((group for group in groups if key in map(str, group.keys)), None)


def group_like(key: Any, model: type[Model], keys: Keys) -> TextGroup | None:
    """Return the group of the objects whose texts are similar to that of another one, or None.

    `keys` are as for `text_groups`. The other object is in the group only if its key is among them.
    Runs two queries.
    """
    other = list(_rows_of(all_rows(model, AuditEntry.objects.db).filter(pk__any_of=[key])))
    if not other:
        return None
    similar = _similar_rows(chain(other, _rows_of(_without_picture(model, keys))))[0][1:]
    return _group(similar) if similar else None


def reported_keys(model: type[Model], keys: Collection[Any]) -> set[Any]:
    """Return those of the keys whose objects have reports. Runs at most one query."""
    reports = content_of(model).reports
    if not reports or not keys:
        return set()
    rows = all_rows(model, AuditEntry.objects.db).filter(pk__any_of=set(keys)).order_by()
    reported = rows.filter(**{f"{reports}__isnull": False})
    return set(reported.values_list("pk", flat=True).distinct())


def _without_picture(model: type[Model], keys: Keys) -> QuerySet[Any]:
    """Return the objects with these keys that have no picture."""
    using = AuditEntry.objects.db
    return all_rows(model, using).filter(pk__in=keys).exclude(has_picture(model, using))


def _rows_of(objects: QuerySet[Any]) -> Iterator[Row]:
    """Return the keys, owners and texts of some objects, in the order of their keys."""
    content = content_of(objects.model)
    rows = objects.order_by("pk").values_list(
        "pk",
        content.owner or Value(None),
        Left(content.title, TITLE_LENGTH) if content.title else Value(""),
        Left(content.text, TEXT_LENGTH),
    )
    return rows.iterator(chunk_size=ROWS_AT_ONCE)


def _similar_rows(rows: Iterable[Row]) -> list[list[tuple[Any, Any]]]:
    """Return the key and owner of each row of each group. Reads the rows once."""
    found: list[tuple[Any, Any]] = []

    def texts() -> Iterator[str]:
        for key, owner, title, text in rows:
            found.append((key, owner))
            yield f"{title or ''}\n{text or ''}"

    return [[found[index] for index in indexes] for indexes in group_texts(texts())]


def _group(rows: Sequence[tuple[Any, Any]]) -> TextGroup:
    return TextGroup(tuple(key for key, _ in rows), len({owner for _, owner in rows if owner}))
