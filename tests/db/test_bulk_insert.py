"""Many rows at once: what is written is what Django itself would have written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.db.bulk_insert import insert
from moderation.models import AuditEntry

pytestmark = pytest.mark.django_db


def row(**given: Any) -> dict[str, Any]:
    now = timezone.now()
    values = {"storage": "default", "key": "a", "name": "a", "recorded_at": now, "due_at": now}
    return {**values, "object_label": "posts.PostImage", "object_key": "1", **given}


def test_rows_come_back_as_if_django_had_created_them() -> None:
    odd = row(
        key='tab\t, line\n, "quotes", back\\slash and \\N',
        title="Füße, 猫, 🐈",
        identity=UUID(int=7),
        size=2**40,
        versions=["null", {"a": None}],
    )
    insert(AuditEntry, [odd], same={"owner": "spammer", "title": "left out"}, using="default")
    AuditEntry.objects.create(**odd, owner="spammer")
    ours, djangos = AuditEntry.objects.order_by("pk").values()
    assert ours | {"id": 0} == djangos | {"id": 0}
    assert ours["key"] == odd["key"]
    assert ours["versions"] == odd["versions"]
    assert ours["state"] == "pending"


def test_rows_are_written_even_if_all_are_the_same() -> None:
    insert(AuditEntry, [{}, {}], same=row(), using="default")
    assert list(AuditEntry.objects.values_list("key", flat=True)) == ["a", "a"]


def test_an_error_of_the_database_is_raised_as_djangos() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(AuditEntry, [row(), row(key="")], using="default")
    assert not AuditEntry.objects.exists()


def test_rows_may_run_queries_while_they_are_generated() -> None:
    rows = (row(key=f"{n}-{AuditEntry.objects.count()}") for n in range(2))
    insert(AuditEntry, rows, using="default")
    assert AuditEntry.objects.count() == 2


def test_one_statement_writes_any_number_of_rows() -> None:
    with CaptureQueriesContext(connection) as captured:
        insert(AuditEntry, [row(key=str(n)) for n in range(3000)], using="default")
    assert len(captured) == 1
    assert AuditEntry.objects.count() == 3000
