"""Apply the review rules to a selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet

from moderation.registry.content import registered_review_rules_of
from moderation.registry.review_rule import ReviewRule
from moderation.review_rules.pictures import no_picture, unique_picture
from moderation.review_rules.times import much_older

# The rules that need only what is registered of a model.
GENERIC_RULES = (no_picture, unique_picture, much_older)
# In a smaller selection, one object is already more than LARGEST_SHARE. A moderator reads all of it
# on one page.
SMALLEST_SELECTION = 20
# A rule that marks a larger share, and more objects than FEW, describes the selection instead of
# its exceptions. A moderator who must review so many stops looking.
LARGEST_SHARE = 0.05
FEW = 10
# In a small selection, FEW objects can be half of it. One in five is not an exception either.
LARGEST_SHARE_OF_FEW = 0.2


@dataclass(slots=True)
class Marks:
    """What the rules found in a selection.

    `by_key` has the rules that mark an object, with the parameters of their phrases. `dropped` are
    the rules that mark too many objects, with the number of these.
    """

    by_key: dict[Any, list[tuple[ReviewRule, Mapping[str, Any]]]] = field(default_factory=dict)
    dropped: list[tuple[ReviewRule, int]] = field(default_factory=list)


def review_rules_of(model: type[Model]) -> Sequence[ReviewRule]:
    """Return the rules for objects of a model."""
    return (*GENERIC_RULES, *registered_review_rules_of(model))


def rule_by_name(model: type[Model], name: str) -> ReviewRule | None:
    """Return a rule for objects of a model, or None if it no longer exists."""
    return next((rule for rule in review_rules_of(model) if rule.name == name), None)


def apply_rules(objects: QuerySet[Any], total: int) -> Marks:
    """Apply all rules to the selected objects; `total` is their number.

    The caller must not pass fewer than SMALLEST_SELECTION. Memory grows with the number of objects
    that are marked.
    """
    marks = Marks()
    for rule in review_rules_of(objects.model):
        marked, others = _marked_by(rule, objects, most_marks(total))
        if others:
            marks.dropped.append((rule, len(marked) + others))
            continue
        for key, parameters in marked.items():
            marks.by_key.setdefault(key, []).append((rule, parameters))
    return marks


def _marked_by(
    rule: ReviewRule, objects: QuerySet[Any], most: int
) -> tuple[dict[Any, Mapping[str, Any]], int]:
    """Return the first objects that a rule marks, at most `most`, and the number of the others."""
    marked: dict[Any, Mapping[str, Any]] = {}
    others = 0
    for key, parameters in rule(objects):
        if key in marked or len(marked) < most:
            marked[key] = parameters
        else:
            others += 1
    return marked, others


def most_marks(total: int) -> int:
    """Return the largest number of objects that a rule may mark in a selection."""
    return max(int(total * LARGEST_SHARE), min(FEW, int(total * LARGEST_SHARE_OF_FEW)))
