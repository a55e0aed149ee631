"""A system check for receivers of other apps that erase files when a row is deleted."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import models
from django.db.models.signals import post_delete, pre_delete

from moderation.registry import own_file_fields, registered_models

# How code erases a file, besides calling `delete` of a file field.
ERASES = r"(?:delete|erase|remove|clean_?up)\w*_file|file_?(?:delete|clean_?up)|unlink\("
ERASES += r"|os\.remove\(|storage\w*\.delete\("


def check_erasing_receivers(**_: Any) -> list[CheckMessage]:
    """W032: a receiver of another app erases files that another row may use."""
    return [
        checks.Warning(
            f"{receiver.__module__}.{receiver.__qualname__} seems to erase the files of deleted "
            f"{model._meta.label} rows, even those that another row still uses.",
            hint="Disconnect the receiver: the purge erases the files. Silence this check if it "
            "erases nothing.",
            obj=model,
            id="moderation.W032",
        )
        for model in registered_models()
        for receiver in _foreign_receivers(model)
        if _erases_files(receiver, model)
    ]


MODEL_CHECKS = (check_erasing_receivers,)


def _foreign_receivers(model: type[models.Model]) -> Iterator[Callable[..., Any]]:
    """Yield the functions outside this app that are called when a row of a model is deleted."""
    for signal in (pre_delete, post_delete):
        synchronous, asynchronous = signal._live_receivers(model)  # noqa: SLF001 - the only list
        for receiver in (*synchronous, *asynchronous):
            function = inspect.unwrap(getattr(receiver, "__func__", receiver))
            if inspect.isfunction(function) and not function.__module__.startswith("moderation."):
                yield function


def _erases_files(receiver: Callable[..., Any], model: type[models.Model]) -> bool:
    """Return whether a receiver seems to erase files, judging by its source."""
    try:
        source = inspect.getsource(receiver)
    except (OSError, TypeError):
        return False  # its source is not available
    fields = "|".join(re.escape(field.name) for field in own_file_fields(model))
    return re.search(rf"{ERASES}|\.(?:{fields})\.delete\(", source) is not None
