"""The search of the audit log: each kind of term goes by an index of its own."""

from __future__ import annotations

import re

from django.core.files.storage import InvalidStorageError
from django.db import connections
from django.db.models import Q, QuerySet

from moderation.admin.audit.filters import known_storages
from moderation.models import AuditEntry
from moderation.storage import adapter_for

SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Sorts after every character that a key can hold.
LAST_CHARACTER = "\U0010ffff"


def search_entries(entries: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
    """Keep the entries whose key, as it stands or as a storage makes it of a name, begins so.

    Also those whose SHA-256 it is. The term is taken whole: keys may hold blanks.
    """
    if not term:
        return entries
    matches = Q()
    for key in sorted(_keys_of(term)):
        matches |= _key_begins_with(key, entries.db)
    if SHA256.fullmatch(term):
        matches |= Q(sha256=term.lower())
    return entries.filter(matches)


def _keys_of(term: str) -> set[str]:
    """Return the keys that a term may begin: itself, and what the storages make of it as a name."""
    keys = {term}
    for alias in known_storages():
        try:
            keys.add(adapter_for(alias).key(term))
        except (ValueError, InvalidStorageError):
            continue  # no name of this storage, or a storage that is gone from the settings
    return keys


def _key_begins_with(term: str, using: str) -> Q:
    """Return the condition that the database answers by its index on the key.

    PostgreSQL does so for LIKE, by the index's operator class. SQLite's LIKE ignores the case and
    thus the index; its comparison goes by code points, as the range does.
    """
    if connections[using].vendor == "sqlite":
        return Q(key__gte=term, key__lt=term + LAST_CHARACTER)
    return Q(key__startswith=term)
