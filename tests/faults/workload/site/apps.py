"""Register the models that own files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import AppConfig


class WorkloadConfig(AppConfig):
    """The models of the random workload."""

    name = "tests.faults.workload.site"
    label = "workload"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the models with moderation, except Clipping and Quote."""
        from moderation.registration import register
        from tests.faults.workload.site import models

        register(models.Document)
        register(models.Sheet)
        register(models.Badge)
        register(models.Photo, extra_files=smaller_sizes)


def smaller_sizes(photos: Iterable[Any]) -> Iterator[tuple[Any, str, str]]:
    """Yield the smaller file of each photo, which no field names."""
    for photo in photos:
        if photo.file:
            yield photo, "default", f"{photo.file.name}.small"
