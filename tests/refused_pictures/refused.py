"""A picture that is refused."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import RefusedPicture

SAME = "a" * 64


def refused(actor: User, **given: Any) -> RefusedPicture:
    options: dict[str, Any] = {"note": "", "last_day": None, **given}
    refuse({SAME: ""}, actor=actor, **options)
    return RefusedPicture.objects.get(sha256=SAME)
