"""Refused pictures, and the page that lists them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import RefusedPicture

LIST = "/admin/moderation/refusedpicture/"


def refused(actor: User, sha256: str = "a" * 64, **given: Any) -> RefusedPicture:
    options: dict[str, Any] = {"note": "", "last_day": None, **given}
    refuse({sha256: ""}, actor=actor, **options)
    return RefusedPicture.objects.get(sha256=sha256)
