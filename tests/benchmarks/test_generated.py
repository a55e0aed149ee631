"""Rows that the database generates, for benchmarks and tests."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.generated import insert_select
from moderation.models import AuditEntry

GIVEN = {"key": "'key ' || n % 10", "name": "'a'", "due_at": "now()", "recorded_at": "now()"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite generates no rows")
@pytest.mark.django_db
def test_columns_that_are_not_given_have_the_defaults_of_their_fields() -> None:
    with connection.cursor() as cursor:
        cursor.execute(insert_select(AuditEntry, GIVEN, "generate_series(1, 2) n"))
    generated = AuditEntry.objects.order_by("key")
    assert [entry.key for entry in generated] == ["key 1", "key 2"]
    now = timezone.now()
    by_django = AuditEntry.objects.create(key="b", name="a", due_at=now, recorded_at=now)
    others = {field.attname for field in AuditEntry._meta.concrete_fields} - {"id", *GIVEN}
    for name in others:
        assert getattr(generated[0], name) == getattr(by_django, name), name
