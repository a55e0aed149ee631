"""Objects of a draft that its author may not remove.

The admin, which knows the request, decides who may remove which object. It passes in a guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import ngettext

from moderation.models import RemovalBatch
from moderation.templatetags.moderation_numbers import grouped

# The most objects that a message names; further objects are counted.
NAMED = 20

# Takes batches of a removal, in order, and returns the objects that may not be removed, each with
# something whose text is its name: {number of the batch: {JSON value of the key: object}}.
Guard = Callable[[Sequence[RemovalBatch]], Mapping[int, Mapping[Any, object]]]


@dataclass(slots=True)
class RefusedObjects:
    """The names of the first refused objects, and the number of all."""

    names: list[str] = field(default_factory=list)
    total: int = 0

    def __bool__(self) -> bool:
        return bool(self.total)

    @property
    def others(self) -> int:
        """Return the number of those without a name here."""
        return self.total - len(self.names)

    def __str__(self) -> str:
        """Return their names as one line."""
        named = ", ".join(self.names)
        if others := self.others:
            text = ngettext(
                "%(named)s and %(others)s other", "%(named)s and %(others)s others", others
            )
            return text % {"named": named, "others": grouped(others)}
        return named

    def add(self, names: Sequence[object]) -> None:
        """Count more objects, and add their names up to the limit."""
        self.names += [str(name) for name in names[: NAMED - len(self.names)]]
        self.total += len(names)
