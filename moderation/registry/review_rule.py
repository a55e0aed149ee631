"""Rules that mark the objects of a selection which differ from the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

# Takes the selected objects; yields each object that the rule marks once, as its key with the
# parameters of the phrase. It yields nothing if the rule does not apply to the selection.
FindMarked = Callable[[QuerySet[Any]], Iterable[tuple[Any, Mapping[str, Any]]]]


@dataclass(frozen=True, slots=True, eq=False)
class ReviewRule:
    """A way in which an object can differ from the rest of a selection.

    `name` is stored with the marked objects and must not change. `title` says how such an object
    differs. `phrase` says it of one object, from the parameters that `find` yields with its key;
    they must be JSON values. `weight` decides which of the marked objects come first.
    """

    name: str
    title: str | Promise
    weight: int
    phrase: Callable[..., str]
    find: FindMarked

    def __call__(self, objects: QuerySet[Any]) -> Iterable[tuple[Any, Mapping[str, Any]]]:
        """Yield the objects that the rule marks."""
        return self.find(objects)


def review_rule(
    *, title: str | Promise, weight: int, phrase: Callable[..., str]
) -> Callable[[FindMarked], ReviewRule]:
    """Return a decorator that makes a function a review rule with the function's name."""

    def decorate(find: FindMarked) -> ReviewRule:
        return ReviewRule(find.__name__, title, weight, phrase, find)

    return decorate
