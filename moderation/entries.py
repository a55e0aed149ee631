"""Audit entries as they are first written: pending, or failed where no storage has such a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from moderation.files import StoredFile
from moderation.insertion import insert
from moderation.models import AuditEntry, StorageMark
from moderation.models.audit import ERROR_LENGTH, EntryState
from moderation.registry import registration_by_label, title_text
from moderation.storage import adapter_for
from moderation.storage.adapter import Adapter

if TYPE_CHECKING:
    from moderation.recording import Deed


def write_entries(files: Mapping[StoredFile, Mapping[str, Any]], deed: Deed, using: str) -> None:
    """Write one entry for each file, with its details, in the caller's transaction.

    Touches the database alone: the storage's identity comes from its mark, sizes from columns.
    """
    now = timezone.now()
    same = {
        "removal_id": deed.removal,
        "actor_id": deed.actor,
        "actor_name": deed.actor_name,
        "reason": deed.reason,
        "recorded_at": now,
        "due_at": now,
    }
    insert(AuditEntry, _entries(files, using), same=same, using=using)


def _entries(files: Mapping[StoredFile, Mapping[str, Any]], using: str) -> Iterator[dict[str, Any]]:
    """The columns of each entry that are its own."""
    marks = dict(StorageMark.objects.using(using).values_list("alias", "identity"))
    adapters = {alias: adapter_for(alias) for alias in {file.storage for file in files}}
    measured = {
        label: registration_by_label(label).measured_field
        for label in {file.label for file in files}
    }
    for file, details in files.items():
        entry = _place(file, adapters[file.storage], marks.get(file.storage))
        entry |= _owner(file, details)
        if file.field == measured[file.label]:
            entry |= _measures(details)
        yield entry


def _place(file: StoredFile, adapter: Adapter, identity: UUID | None) -> dict[str, Any]:
    """Where the file lies. A name that the storage could never take is failed from the start."""
    place = {
        "storage": file.storage,
        "identity": identity,
        "location": adapter.location(),
        "name": file.name,
    }
    try:
        return {**place, "key": adapter.key(file.name)}
    except ValueError as error:
        failed = {"state": EntryState.FAILED, "failed_at": timezone.now()}
        return {**place, **failed, "key": file.name, "error_code": "BadName",
                "error": str(error)[:ERROR_LENGTH]}  # fmt: skip


def _owner(file: StoredFile, details: Mapping[str, Any]) -> dict[str, Any]:
    """The row that the file belongs to, and what a reader knows it by."""
    return {
        "object_label": file.label,
        "object_key": str(file.key),
        "field": file.field,
        "parent_label": details.get("parent_label", ""),
        "parent_key": str(details.get("parent_key") or ""),
        "title": title_text(details.get("title")),
        "owner": title_text(details.get("owner")),
    }


def _measures(details: Mapping[str, Any]) -> dict[str, Any]:
    """Size and digest, which the registration knows of one field only."""
    size, sha256 = details.get("size"), details.get("sha256")
    return {
        "size": None if size is None else int(size),
        "sha256": str(sha256) if sha256 else None,
    }
