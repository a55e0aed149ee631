"""Connect models that are declared after registration, such as a proxy in an `admin.py`.

The admin imports `admin.py` when all apps are ready, and other code declares models in functions.
Each subclass or proxy of a registered model sends its own signals, so each is connected when it is
declared.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db import models
from django.db.models.signals import class_prepared

from moderation.registry import registered_calls

# Their cached results depend on the set of models.
REMEMBERING = (
    "moderation.defaults",
    "moderation.file_fields",
    "moderation.plan.graph",
    "moderation.plan.tree",
    "moderation.purge.references",
    "moderation.registry",
)


def watch() -> None:
    """Connect the receivers of each model that is declared from now on."""
    class_prepared.connect(take_up, dispatch_uid="moderation.late_models")


def take_up(sender: type[models.Model], **_: Any) -> None:
    """Connect a new model like its nearest registered ancestor, and clear outdated caches."""
    forget()
    calls = registered_calls()
    for relative in sender.__mro__:
        if relative in calls:
            calls[relative].apply_to(sender)
            return


def forget() -> None:
    """Clear the caches that depend on the set of models."""
    for name in REMEMBERING:
        module = sys.modules.get(name)
        for value in list(vars(module).values()) if module else ():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
