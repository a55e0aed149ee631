"""The search of the audit log: by key, name, URL or SHA-256, each with an index."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from django.core.files.storage import InvalidStorageError
from django.db import connections
from django.db.models import Q, QuerySet

from moderation.admin.audit.filters import known_storages
from moderation.models import AuditEntry
from moderation.storage import adapter_for

SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Sorts after every character that a key can contain.
LAST_CHARACTER = "\U0010ffff"
# The most folders of a URL's path that may precede the key, such as /media/ or a bucket.
MAX_FOLDERS = 8


def search_entries(entries: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
    """Return the entries whose key begins with a term, or whose SHA-256 equals it.

    The term may be a key, a name from which a storage derives the key, or the URL of a file. It is
    not split into words, because keys may contain spaces.
    """
    if not term:
        return entries
    matches = Q()
    for key in sorted(_possible_keys(term)):
        matches |= _key_begins_with(key, entries.db)
    if SHA256.fullmatch(term):
        matches |= Q(sha256=term.lower())
    return entries.filter(matches)


def _possible_keys(term: str) -> set[str]:
    """Return the keys, or prefixes of keys, that a term may stand for in any storage."""
    names = {term, *_names_in_url(term)}
    keys = set(names)
    for alias in known_storages():
        try:
            adapter = adapter_for(alias)
        except InvalidStorageError:
            continue  # no longer in the settings
        for name in names:
            with suppress(ValueError):  # not a name of this storage
                keys.add(adapter.key(name))
    return keys


def _names_in_url(term: str) -> set[str]:
    """Return the names of files that a URL, or the path of one, may end with."""
    if not term.startswith(("http://", "https://", "/")):
        return set()
    try:
        path = unquote(urlsplit(term).path)
    except ValueError:  # malformed
        return set()
    folders = path.strip("/").split("/")[:-1][:MAX_FOLDERS]
    names = {path.strip("/")}
    for number in range(1, len(folders) + 1):
        names.add(path.strip("/").split("/", number)[-1])
    return names - {""}


def _key_begins_with(term: str, using: str) -> Q:
    """Return the condition for which the database uses its index on the key.

    PostgreSQL does so for LIKE, because of the index's operator class. SQLite's LIKE ignores case
    and therefore the index. But SQLite compares text by code point, so a range finds the same keys.
    """
    if connections[using].vendor == "sqlite":
        return Q(key__gte=term, key__lt=term + LAST_CHARACTER)
    return Q(key__startswith=term)
