"""Objects of a draft that its maker may not remove.

Who may remove which object is for the admin to say, which knows the request. It hands in a guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import ngettext

from moderation.models import RemovalSlice

# Objects that a message names one by one; of the others it gives the number.
NAMED = 20

# Takes batches of a removal, in order; returns the objects that may not be removed, each with what
# has its name as text: {number of the batch: {key as JSON holds it: object}}.
Guard = Callable[[Sequence[RemovalSlice]], Mapping[int, Mapping[Any, object]]]


@dataclass(slots=True)
class RefusedObjects:
    """The names of the first objects that were refused, and the number of all."""

    names: list[str] = field(default_factory=list)
    total: int = 0

    def __bool__(self) -> bool:
        return bool(self.total)

    @property
    def others(self) -> int:
        """The number of those without a name here."""
        return self.total - len(self.names)

    def __str__(self) -> str:
        """Name them on one line."""
        named = ", ".join(self.names)
        if others := self.others:
            text = ngettext(
                "%(named)s and %(others)d other", "%(named)s and %(others)d others", others
            )
            return text % {"named": named, "others": others}
        return named

    def add(self, names: Sequence[object]) -> None:
        """Count some more, and name them while there is room."""
        self.names += [str(name) for name in names[: NAMED - len(self.names)]]
        self.total += len(names)
