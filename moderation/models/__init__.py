"""The rows behind removing: removals and slices, the audit log, storage marks, heartbeats."""

from moderation.models.audit import AuditEntry, AuditEvent
from moderation.models.heartbeat import Heartbeat
from moderation.models.removal import Removal, RemovalSlice
from moderation.models.storage_mark import StorageMark

__all__ = ["AuditEntry", "AuditEvent", "Heartbeat", "Removal", "RemovalSlice", "StorageMark"]
