"""Write new audit entries: pending, or failed if the name is invalid in the storage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import router

from moderation.db import server_time
from moderation.db.bulk_insert import insert
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import DeletedElsewhere
from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import REASON_LENGTH, EntryState
from moderation.recording.attribution import DeletionContext
from moderation.redaction import ERROR_LENGTH
from moderation.registry import registration_by_label, title_text
from moderation.registry.files import StoredFile, names_of_rows
from moderation.storage import adapter_for
from moderation.storage.base import Adapter

# Characters that a text column cannot hold: NUL on PostgreSQL, lone surrogates on both engines.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
TEXTS = ("name", "object_key", "parent_key", "title", "owner")
LARGEST_SIZE = 2**63 - 1  # bytes; the maximum of the column
LONGEST_DIGEST = 200  # characters; a SHA-256 has 64, a few more with a prefix


def write_entries(
    files: Mapping[StoredFile, Mapping[str, Any]], context: DeletionContext, using: str
) -> None:
    """Write one entry for each file, with its details, in the caller's transaction.

    Uses only the database: identities are read from StorageIdentity, and sizes from columns.
    Raises DeletedElsewhere if `using` is not the database of the audit log.
    """
    _refuse_elsewhere(files, using)
    identities, now = _identities(using)
    same = {
        "removal_id": context.removal,
        "actor_id": context.actor,
        "actor_name": context.actor_name,
        "reason": context.reason[:REASON_LENGTH],
        "recorded_at": now,
        "due_at": now,
    }
    entries = list(_entries(files, identities, now))
    for entry in _unstorable(entries):
        entry.update(_escaped(entry, now))
    insert(AuditEntry, entries, same=same, using=using)


def _identities(using: str) -> tuple[dict[str, UUID], datetime]:
    """Return the identities of the storages by alias, and the database's time, in one query."""
    found = StorageIdentity.objects.using(using)
    rows = list(found.values_list("alias", "identity", DatabaseNow()))
    now = rows[0][2] if rows else server_time.now(using)
    return {alias: identity for alias, identity, _ in rows}, now


def _refuse_elsewhere(files: Iterable[StoredFile], using: str) -> None:
    """Raise DeletedElsewhere unless the deletion shares a transaction with the audit log."""
    database = router.db_for_write(AuditEntry)
    if using != database:
        label = next(iter(files)).label
        raise DeletedElsewhere(
            f"{label}: rows with files can only be deleted in the database {database!r}, which "
            f"holds the audit log, and not in {using!r}. Nothing was deleted. Clear the file "
            "fields first or delete the rows with SQL, and delete the files yourself."
        )


def _entries(
    files: Mapping[StoredFile, Mapping[str, Any]], identities: Mapping[str, UUID], now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the columns of each entry that the entries do not share."""
    adapters = {alias: adapter_for(alias) for alias in {file.storage for file in files}}
    storages = {
        alias: {"storage": alias, "identity": identities.get(alias), "location": adapter.location()}
        for alias, adapter in adapters.items()
    }
    measured = {
        label: registration_by_label(label).measured_field
        for label in {file.label for file in files}
    }
    row_names = names_of_rows(files) if any(not file.field for file in files) else {}
    texts = cache(title_text)  # the files of an object share title and owner
    for file, details in files.items():
        entry = {
            **storages[file.storage],
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
        if not file.field:
            entry["row_names"] = row_names.get((file.label, file.key), {})
        yield entry


def _key(adapter: Adapter, name: str, now: datetime) -> dict[str, Any]:
    """Return the key of a name, or the columns of a failed entry if the storage rejects it."""
    try:
        return {"key": adapter.key(name)}
    except ValueError as error:
        return {"key": name, "state": EntryState.FAILED, "failed_at": now,
                "error_code": "BadName", "error": str(error)[:ERROR_LENGTH]}  # fmt: skip


def _measures(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the size and digest, which a registration declares for only one field.

    Invalid values (a size of -1, a whole file as the digest) are replaced by None, so that they
    do not prevent the deletion of a row.
    """
    size, sha256 = details.get("size"), str(details.get("sha256") or "")
    try:
        size = None if size is None else int(size)
    except (ValueError, TypeError, OverflowError):
        size = None
    return {
        "size": size if size is not None and 0 <= size <= LARGEST_SIZE else None,
        "sha256": sha256 if sha256 and len(sha256) <= LONGEST_DIGEST else None,
    }


def _unstorable(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries that contain text which the database cannot hold."""
    texts = list(map(itemgetter(*TEXTS), entries))
    if not UNSTORABLE.search("".join(chain.from_iterable(texts))):  # one search for nearly all
        return []
    return [
        entry for entry, own in zip(entries, texts, strict=True) if UNSTORABLE.search("".join(own))
    ]


def _escaped(entry: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the entry with its texts escaped; it has failed if its name needs escapes."""
    escaped = {name: _escape(value) for name, value in entry.items() if isinstance(value, str)}
    if escaped["name"] == entry["name"] or entry.get("state") == EntryState.FAILED:
        return escaped
    return {
        **escaped,
        "state": EntryState.FAILED,
        "failed_at": now,
        "error_code": "BadName",
        "error": "The name contains characters that the database cannot store. It is shown with "
        "escapes; delete the file by hand.",
    }


def _escape(text: str) -> str:
    return UNSTORABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
