"""The objects of a draft that its actor may not remove.

The admin passes a guard, which decides this, because the decision depends on the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import ngettext

from moderation.models import RemovalBatch
from moderation.removals.limits import MAX_NAMED
from moderation.templatetags.moderation_numbers import grouped

# Takes a batch of a removal and returns the objects that may not be removed:
# {JSON value of the key: object}. `str()` of such an object is its name.
Guard = Callable[[RemovalBatch], Mapping[Any, object]]


@dataclass(slots=True)
class RefusedObjects:
    """The names of the first refused objects, and the number of all refused objects."""

    names: list[str] = field(default_factory=list)
    total: int = 0

    def __bool__(self) -> bool:
        return bool(self.total)

    @property
    def others(self) -> int:
        """Return the number of refused objects that are not named."""
        return self.total - len(self.names)

    def __str__(self) -> str:
        """Return the names, and the number of others, as one line."""
        named = ", ".join(self.names)
        if others := self.others:
            text = ngettext(
                "%(named)s and %(others)s other", "%(named)s and %(others)s others", others
            )
            return text % {"named": named, "others": grouped(others)}
        return named

    def add(self, names: Sequence[object]) -> None:
        """Count objects, and name them up to the limit."""
        self.names += [str(name) for name in names[: MAX_NAMED - len(self.names)]]
        self.total += len(names)


def refused_keys(
    batches: Iterable[RemovalBatch], guard: Guard, refused: RefusedObjects
) -> dict[int, set[Any]]:
    """Return the keys of the objects that a guard refuses, by the number of their batch.

    Adds the objects to `refused`. Holds the objects of only one batch at a time in memory, because
    they may refer to whole rows.
    """
    found: dict[int, set[Any]] = {}
    for batch in batches:
        if objects := guard(batch):
            refused.add(list(objects.values()))
            found[batch.number] = set(objects)
    return found
