"""What each page's header says about the site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.text import slugify


def environment(_request: HttpRequest) -> dict[str, str]:
    """Context processor: the environment's name, and the same as a CSS class."""
    return {
        "environment": settings.ENVIRONMENT,
        "environment_class": f"environment-{slugify(settings.ENVIRONMENT)}",
    }
