"""Audit entries as they are first written: pending, or failed where no storage has such a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from moderation import database_time
from moderation.database_time import DatabaseNow
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
    marks, now = _marks(using)
    same = {
        "removal_id": deed.removal,
        "actor_id": deed.actor,
        "actor_name": deed.actor_name,
        "reason": deed.reason,
        "recorded_at": now,
        "due_at": now,
    }
    insert(AuditEntry, _entries(files, marks, now), same=same, using=using)


def _marks(using: str) -> tuple[dict[str, UUID], datetime]:
    """Return the identities of the storages by alias, and the database's time, in one query."""
    marks = StorageMark.objects.using(using).values_list("alias", "identity", DatabaseNow())
    rows = list(marks)
    now = rows[0][2] if rows else database_time.now(using)
    return {alias: identity for alias, identity, _ in rows}, now


def _entries(
    files: Mapping[StoredFile, Mapping[str, Any]], marks: Mapping[str, UUID], now: datetime
) -> Iterator[dict[str, Any]]:
    """The columns of each entry that are its own."""
    adapters = {alias: adapter_for(alias) for alias in {file.storage for file in files}}
    places = {
        alias: {"storage": alias, "identity": marks.get(alias), "location": adapter.location()}
        for alias, adapter in adapters.items()
    }
    measured = {
        label: registration_by_label(label).measured_field
        for label in {file.label for file in files}
    }
    texts = cache(title_text)  # the files of an object share title and owner
    for file, details in files.items():
        entry = {
            **places[file.storage],
            **_key(adapters[file.storage], file.name, now),
            "name": file.name,
            "object_label": file.label,
            "object_key": str(file.key),
            "field": file.field,
            "parent_label": details.get("parent_label", ""),
            "parent_key": str(details.get("parent_key") or ""),
            "title": texts(str(details.get("title") or "")),
            "owner": texts(str(details.get("owner") or "")),
        }
        if file.field == measured[file.label]:
            entry |= _measures(details)
        yield entry


def _key(adapter: Adapter, name: str, now: datetime) -> dict[str, Any]:
    """The key of a name. One that the storage could never take is failed from the start."""
    try:
        return {"key": adapter.key(name)}
    except ValueError as error:
        return {"key": name, "state": EntryState.FAILED, "failed_at": now,
                "error_code": "BadName", "error": str(error)[:ERROR_LENGTH]}  # fmt: skip


def _measures(details: Mapping[str, Any]) -> dict[str, Any]:
    """Size and digest, which the registration knows of one field only."""
    size, sha256 = details.get("size"), details.get("sha256")
    return {
        "size": None if size is None else int(size),
        "sha256": str(sha256) if sha256 else None,
    }
