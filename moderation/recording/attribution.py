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
from moderation.registry.registration import DetailsKey

_CONTEXT = "_moderation_deletion_context"


@dataclass(frozen=True, slots=True)
class DeletionContext:
    """Who deletes and why: plain data that goes into each entry.

    `expected_files` are the only files that may be recorded, or None for no restriction. `known`
    are details that were read beforehand, see `Registration.details_by_key`.
    """

    actor: int | None = None
    actor_name: str = ""
    reason: str = ""
    removal: int | None = None
    expected_files: AbstractSet[StoredFile] | None = None
    known: Mapping[DetailsKey, Mapping[str, Any]] = field(default_factory=dict)


# Nobody said who deletes: the shell, an inline, other code.
NOBODY = DeletionContext()


def attribute(origin: models.Model | models.QuerySet[Any], context: DeletionContext) -> None:
    """Say who is about to call `.delete()` on this very object, for the entries that it writes."""
    setattr(origin, _CONTEXT, context)


def context_of(origin: Any) -> DeletionContext:
    """Return what `attribute` said about an origin, or NOBODY."""
    found: DeletionContext = getattr(origin, _CONTEXT, NOBODY)
    return found
