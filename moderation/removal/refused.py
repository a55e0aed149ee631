"""Objects of a draft that its maker may not remove: asked for, left out and named.

Who may remove which object is for the admin to say, which knows the request. It hands in a guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils.translation import ngettext

from moderation.models import Removal, RemovalSlice
from moderation.removal.seal import lock_draft
from moderation.removal.slices import fill_slice, plan_slice, reseal, save_slice, slices_in_turn

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


def exclude_refused(removal: Removal, guard: Guard) -> RefusedObjects:
    """Leave out of a draft what a guard refuses; the others stay as they were frozen.

    A page of batches at a time, each batch saved by itself, so that neither memory nor a
    transaction grows with the draft. The draft is sealed again where anything was left out. Raises
    DraftChanged where it stopped being the draft with this seal in the meantime.
    """
    refused = RefusedObjects()
    for parts in slices_in_turn(removal):
        objections = guard(parts)
        for part in parts:
            if objected := objections.get(part.number):
                refused.add(list(objected.values()))
                _exclude(part, objected.keys())
    if refused:
        with transaction.atomic():
            lock_draft(removal, removal.seal)
            reseal(removal)
    return refused


def without(part: RemovalSlice, keys: AbstractSet[Any]) -> RemovalSlice:
    """Return a batch without some of its objects, unsaved: the others keep their digests.

    The numbers are those of now. Raises TooManyRows where it became too large.
    """
    left = [frozen for frozen in part.shown if frozen[0] not in keys]
    part.shown = left
    return fill_slice(part, replace(plan_slice(part).shown(), objects=left))


def _exclude(part: RemovalSlice, keys: AbstractSet[Any]) -> None:
    with transaction.atomic():
        lock_draft(part.removal, part.removal.seal)
        save_slice(without(part, keys))
