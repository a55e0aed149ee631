"""Forbid requests to storage inside a transaction: a slow storage would keep rows locked."""

from __future__ import annotations

from django.db import router, transaction

from moderation.models import AuditEntry


def refuse_inside_transaction() -> None:
    """Raise RuntimeError inside a transaction of the audit log's database. Sends no query.

    Tests that use a storage need a database without an open transaction (`transaction=True`).
    """
    using = router.db_for_write(AuditEntry)
    if transaction.get_connection(using).in_atomic_block:
        raise RuntimeError(f"Storage was called inside a transaction on {using!r}.")
