"""System checks for the rules that mark objects to be checked first."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error

from moderation.review_rules.apply import review_rules_of


def check_names_of_review_rules(**_: Any) -> list[CheckMessage]:
    """E034: the page finds the rules of a marked object by the names that are stored with it."""
    return [
        Error(
            f"{model._meta.label} has {number} review rules with the name {name!r}.",
            hint="Rename the function of one of them.",
            obj=model,
            id="moderation.E034",
        )
        for model in apps.get_models()
        for name, number in Counter(rule.name for rule in review_rules_of(model)).items()
        if number > 1
    ]


MODEL_CHECKS = (check_names_of_review_rules,)
