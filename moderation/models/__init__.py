"""The models: removals, audit log, refused pictures, storages, preferences, background work."""

from moderation.models.audit import AuditEntry, AuditEvent
from moderation.models.frozen_keys import (
    FrozenKeys,
    FrozenTexts,
    KeptKeys,
    batch_numbers,
    has_exact_keys,
)
from moderation.models.heartbeat import Heartbeat
from moderation.models.marked_object import MarkedObject
from moderation.models.queueing_lock import QueueingLock
from moderation.models.refused_picture import RefusedPicture
from moderation.models.removal import Removal, RemovalBatch
from moderation.models.review_preferences import ReviewPreferences
from moderation.models.storage_identity import StorageIdentity
from moderation.models.temporary_keys import key_table
from moderation.models.waiting_keys import NotInRemovals, removals_by_key, shared_with_removals

__all__ = [
    "AuditEntry",
    "AuditEvent",
    "FrozenKeys",
    "FrozenTexts",
    "Heartbeat",
    "KeptKeys",
    "MarkedObject",
    "NotInRemovals",
    "QueueingLock",
    "RefusedPicture",
    "Removal",
    "RemovalBatch",
    "ReviewPreferences",
    "StorageIdentity",
    "batch_numbers",
    "has_exact_keys",
    "key_table",
    "removals_by_key",
    "shared_with_removals",
]
