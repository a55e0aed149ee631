"""The rows behind removing: removals, slices, the audit log, storage marks, signs of workers."""

from moderation.models.audit import AuditEntry, AuditEvent
from moderation.models.heartbeat import Heartbeat
from moderation.models.removal import Removal, RemovalSlice
from moderation.models.storage_identity import StorageMark
from moderation.models.wake_up import WakeUp

__all__ = [
    "AuditEntry",
    "AuditEvent",
    "Heartbeat",
    "Removal",
    "RemovalSlice",
    "StorageMark",
    "WakeUp",
]
