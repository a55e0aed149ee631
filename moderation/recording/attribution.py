"""Who deletes, and why.

This is stored on the object that `.delete()` is called on, not in a thread-local.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from moderation.registry.files import StoredFile
from moderation.registry.registration import Relatives

_DEED = "_moderation_deed"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who deletes and why: plain data that goes into each entry.

    `shown` are the files that may go, None where nothing was shown; `known` are details that were
    asked for beforehand, see `Registration.details_by_relatives`.
    """

    actor: int | None = None
    actor_name: str = ""
    reason: str = ""
    removal: int | None = None
    shown: AbstractSet[StoredFile] | None = None
    known: Mapping[Relatives, Mapping[str, Any]] = field(default_factory=dict)


# Nobody said who deletes: the shell, an inline, other code.
NOBODY = Deed()


def attribute(origin: models.Model | models.QuerySet[Any], deed: Deed) -> None:
    """Say who is about to call `.delete()` on this very object, for the entries that it writes."""
    setattr(origin, _DEED, deed)


def deed_of(origin: Any) -> Deed:
    """Return what `attribute` said about an origin, or NOBODY."""
    found: Deed = getattr(origin, _DEED, NOBODY)
    return found
