"""System checks of what the site as a whole has to say."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from moderation.storage.mark import environment


@register(Tags.security)
def check_environment(**_: Any) -> list[CheckMessage]:
    """E081: without a name, a copy of production passes for production and purges its files."""
    if settings.DEBUG or environment().strip():
        return []
    return [
        Error(
            "The setting ENVIRONMENT is missing: each storage carries the environment's name, and "
            "a copy of this site elsewhere would have the same one.",
            hint='Set ENVIRONMENT to a name that no other installation has, such as "production".',
            id="moderation.E081",
        )
    ]
