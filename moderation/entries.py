"""Audit entries as they are first written: pending, or failed where no storage has such a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import router
from django.utils import timezone

from moderation.errors import DeletedElsewhere
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
    Raises DeletedElsewhere in another database than that of the audit log.
    """
    _refuse_elsewhere(files, using)
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


def _refuse_elsewhere(files: Iterable[StoredFile], using: str) -> None:
    """An entry is part of the deletion's transaction, and only one database's log is purged."""
    home = router.db_for_write(AuditEntry)
    if using != home:
        label = next(iter(files)).label
        raise DeletedElsewhere(
            f"{label}: rows with files can be deleted in the database {home!r} only, where the "
            f"audit log is; this was {using!r}. Its files stay, and so do the rows. Clear the "
            "file fields first, or delete the rows by SQL, and see to the files yourself."
        )


def _entries(files: Mapping[StoredFile, Mapping[str, Any]], using: str) -> Iterator[dict[str, Any]]:
    """The columns of each entry that are its own."""
    marks = dict(StorageMark.objects.using(using).values_list("alias", "identity"))
    adapters = {alias: adapter_for(alias) for alias in {file.storage for file in files}}
    places = {
        alias: {"storage": alias, "identity": marks.get(alias), "location": adapter.location()}
        for alias, adapter in adapters.items()
    }
    measured = {
        label: registration_by_label(label).measured_field
        for label in {file.label for file in files}
    }
    beside = _beside(files) if any(not file.field for file in files) else {}
    texts = cache(title_text)  # the files of an object share title and owner
    for file, details in files.items():
        entry = {
            **places[file.storage],
            **_key(adapters[file.storage], file.name),
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
        if not file.field:
            entry["beside"] = beside.get((file.label, file.key), {})
        yield entry


def _beside(files: Iterable[StoredFile]) -> dict[tuple[str, Any], dict[str, list[str]]]:
    """The names in the fields of each row, by alias: what its extra files lie beside."""
    beside: dict[tuple[str, Any], dict[str, list[str]]] = {}
    for file in files:
        if file.field:
            names = beside.setdefault((file.label, file.key), {})
            names.setdefault(file.storage, []).append(file.name)
    return beside


def _key(adapter: Adapter, name: str) -> dict[str, Any]:
    """The key of a name. One that the storage could never take is failed from the start."""
    try:
        return {"key": adapter.key(name)}
    except ValueError as error:
        return {"key": name, "state": EntryState.FAILED, "failed_at": timezone.now(),
                "error_code": "BadName", "error": str(error)[:ERROR_LENGTH]}  # fmt: skip


def _measures(details: Mapping[str, Any]) -> dict[str, Any]:
    """Size and digest, which the registration knows of one field only."""
    size, sha256 = details.get("size"), details.get("sha256")
    return {
        "size": None if size is None else int(size),
        "sha256": str(sha256) if sha256 else None,
    }
