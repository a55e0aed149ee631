"""The search of the audit log: each kind of term goes by an index of its own."""

from __future__ import annotations

import re

from django.db import connections
from django.db.models import Q, QuerySet

from moderation.admin.audit_filters import known_storages
from moderation.models import AuditEntry

SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Sorts after every character that a key can hold.
LAST_CHARACTER = "\U0010ffff"


def search_entries(entries: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
    """Keep the entries whose key begins with the term, or whose name or SHA-256 it is.

    The term is taken whole: keys may hold blanks.
    """
    if not term:
        return entries
    matches = _key_begins_with(term, entries.db) | Q(storage__in=known_storages(), name=term)
    if SHA256.fullmatch(term):
        matches |= Q(sha256=term.lower())
    return entries.filter(matches)


def _key_begins_with(term: str, using: str) -> Q:
    """Give the condition that the database answers by its index on the key.

    PostgreSQL does so for LIKE, by the index's operator class. SQLite's LIKE ignores the case and
    thus the index; its comparison goes by code points, as the range does.
    """
    if connections[using].vendor == "sqlite":
        return Q(key__gte=term, key__lt=term + LAST_CHARACTER)
    return Q(key__startswith=term)
