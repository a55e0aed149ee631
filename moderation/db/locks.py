"""Advisory locks: each has a number instead of a row."""

from __future__ import annotations

from django.db import connections

# No other advisory lock in the database may have one of these numbers.
IMPORT_LOCK = 7_077_085_163
REFUSED_PICTURES_LOCK = 7_077_085_164


def lock_until_commit(number: int, using: str) -> None:
    """Wait until no other transaction holds a lock, then hold it until this transaction ends.

    On SQLite, do nothing: it allows one writer at a time, from the beginning of its transaction.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
