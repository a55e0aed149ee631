"""Refused pictures, and the page that lists them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import RefusedPicture

LIST = "/admin/moderation/refusedpicture/"
SAME = "a" * 64


def refused(
    actor: User, sha256: str = SAME, perceptual_hash: str = "", **given: Any
) -> RefusedPicture:
    """Refuse a picture, and return its row."""
    options: dict[str, Any] = {"note": "", "last_day": None, **given}
    refuse({sha256: perceptual_hash}, actor=actor, **options)
    return RefusedPicture.objects.get(sha256=sha256)
