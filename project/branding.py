"""The context processor for the name of the environment, which every page shows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.text import slugify


def environment(_request: HttpRequest) -> dict[str, str]:
    """Context processor: return the environment's name, as text and as a CSS class."""
    return {
        "environment": settings.ENVIRONMENT,
        "environment_class": f"environment-{slugify(settings.ENVIRONMENT)}",
    }
