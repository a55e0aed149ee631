"""Models that are declared after their relatives were registered, such as a proxy in an `admin.py`.

The admin imports those when all apps are ready; other code declares models in a function. Each
class of a registered model sends its own signals, so each is connected when it comes into being.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db import models
from django.db.models.signals import class_prepared

from moderation.registry import registered_calls

# They remember what they worked out of the models that there were.
REMEMBERING = (
    "moderation.defaults",
    "moderation.file_fields",
    "moderation.plan.graph",
    "moderation.plan.tree",
    "moderation.purge.references",
    "moderation.registry",
)


def watch() -> None:
    """Have the receivers connected for each model that is declared from now on."""
    class_prepared.connect(take_up, dispatch_uid="moderation.late_models")


def take_up(sender: type[models.Model], **_: Any) -> None:
    """Connect a new model as its nearest registered relative was; forget what it makes untrue."""
    forget()
    calls = registered_calls()
    for relative in sender.__mro__:
        if relative in calls:
            calls[relative].apply_to(sender)
            return


def forget() -> None:
    """Clear the caches about models; they fill themselves again."""
    for name in REMEMBERING:
        module = sys.modules.get(name)
        for value in list(vars(module).values()) if module else ():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
