"""System checks of the settings whose names begin with MODERATION_."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from moderation.conf import CHOICES, LIMITS

PREFIX = "MODERATION_"
UNREGISTERED = "MODERATION_UNREGISTERED"


def check_values(**_: Any) -> list[CheckMessage]:
    """E029: a limit is not a whole number within its range, or a choice not one of its values."""
    return [
        Error(
            f"{each.name} is {value!r}.",
            hint=f"Set it to {each.expected}. The default is {each.default!r}.",
            id="moderation.E029",
        )
        for each in (*LIMITS, *CHOICES)
        for value in [getattr(settings, each.name, each.default)]
        if not each.accepts(value)
    ]


def check_names(**_: Any) -> list[CheckMessage]:
    """W030: a setting, or a model that a setting names, does not exist, so it has no effect."""
    known = {UNREGISTERED, *(each.name for each in (*LIMITS, *CHOICES))}
    unknown = sorted(
        name for name in dir(settings) if name.startswith(PREFIX) and name not in known
    )
    found = [
        (f"{name} is not a setting of moderation.", "Correct the name, or remove it.")
        for name in unknown
    ]
    found += [
        (f"{UNREGISTERED} names {label!r}, which is not a model.", "Set it to a list of labels.")
        for label in _unknown_labels()
    ]
    return [checks.Warning(message, hint=hint, id="moderation.W030") for message, hint in found]


def _unknown_labels() -> Iterator[object]:
    """Yield the values in MODERATION_UNREGISTERED that are not labels of models."""
    value = getattr(settings, UNREGISTERED, ())
    known = {model._meta.label for model in apps.get_models()}
    labels = [value] if isinstance(value, str) else value
    yield from (label for label in labels if isinstance(value, str) or label not in known)


MODEL_CHECKS = (check_values, check_names)
