"""Attribute a deletion: store who deletes, and why, for the entries in the audit log.

The context is stored on the object on which `.delete()` is called, not in a thread-local. If a save
replaces a file, it is read from the saved instance.
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
    """Who deletes and why, as plain data that is copied to each entry.

    `expected_files` are the only files that may be recorded, or None for no restriction. `known`
    contains details that were read beforehand; see `Registration.details_by_key`.
    """

    actor: int | None = None
    actor_name: str = ""
    reason: str = ""
    removal: int | None = None
    expected_files: AbstractSet[StoredFile] | None = None
    known: Mapping[DetailsKey, Mapping[str, Any]] = field(default_factory=dict)


# The context of a deletion without attribution, as in the shell or by other code.
NOBODY = DeletionContext()


def attribute(origin: models.Model | models.QuerySet[Any], context: DeletionContext) -> None:
    """Set the context of a `.delete()` or `.save()` of this object, for the entries it writes."""
    setattr(origin, _CONTEXT, context)


def context_of(origin: Any) -> DeletionContext:
    """Return the context that `attribute` set on an origin, or NOBODY."""
    found: DeletionContext = getattr(origin, _CONTEXT, NOBODY)
    return found
