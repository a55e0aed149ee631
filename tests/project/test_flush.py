"""A test with real transactions flushes the tables, past the triggers of the audit log."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from moderation.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("_time", ["first", "again"])
def test_the_audit_log_is_empty_and_protected_after_each_flush(_time: str) -> None:
    assert not AuditEvent.objects.exists()
    event = AuditEvent.objects.create(type="export")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    assert AuditEvent.objects.exists()
