"""Audit entries as they are first written: pending, or failed where no storage has such a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from moderation.files import StoredFile
from moderation.models import AuditEntry, StorageMark
from moderation.models.audit import ERROR_LENGTH, EntryState
from moderation.registry import registration_by_label, title_text
from moderation.storage import adapter_for
from moderation.storage.adapter import Adapter

if TYPE_CHECKING:
    from moderation.recording import Deed

# Rows of one INSERT. Larger ones are no faster, and SQLite bounds the variables of a statement.
ROWS_AN_INSERT = 500


def write_entries(files: Mapping[StoredFile, Mapping[str, Any]], deed: Deed, using: str) -> None:
    """Write one entry for each file, with its details, in the caller's transaction.

    Touches the database alone: the storage's identity comes from its mark, sizes from columns.
    """
    entries = AuditEntry.objects.using(using)
    entries.bulk_create(_entries(files, deed, using), batch_size=ROWS_AN_INSERT)


def _entries(
    files: Mapping[StoredFile, Mapping[str, Any]], deed: Deed, using: str
) -> Iterator[AuditEntry]:
    now = timezone.now()
    marks = dict(StorageMark.objects.using(using).values_list("alias", "identity"))
    adapters = {alias: adapter_for(alias) for alias in {file.storage for file in files}}
    for file, details in files.items():
        adapter = adapters[file.storage]
        yield AuditEntry(
            **_place(file, adapter, marks.get(file.storage)),
            **_measures(file, details),
            object_label=file.label,
            object_key=str(file.key),
            field=file.field,
            parent_label=details.get("parent_label", ""),
            parent_key=str(details.get("parent_key") or ""),
            title=title_text(details.get("title")),
            owner=title_text(details.get("owner")),
            removal_id=deed.removal,
            actor_id=deed.actor,
            actor_name=deed.actor_name,
            reason=deed.reason,
            recorded_at=now,
            due_at=now,
        )


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


def _measures(file: StoredFile, details: Mapping[str, Any]) -> dict[str, Any]:
    """Size and digest, which the registration knows of one field only."""
    if file.field != registration_by_label(file.label).measured_field:
        return {}
    return {"size": details.get("size"), "sha256": details.get("sha256") or ""}
