"""How much of the work list one worker takes at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from moderation.db.bulk_insert import insert
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.storage.generic import CLAIM_SIZE

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = {"BACKEND": "django.core.files.storage.InMemoryStorage"}


def due(number: int, storage: str) -> None:
    now = timezone.now()
    same = {"storage": storage, "object_label": "posts.PostImage", "recorded_at": now}
    rows = ({"key": str(n), "name": str(n)} for n in range(number))
    insert(AuditEntry, rows, same={**same, "due_at": now}, using="default")


def indexed_columns() -> set[str]:
    """Return the columns in the indexes of the audit log, also those in their conditions."""
    with connection.schema_editor() as editor:
        statements = " ".join(
            str(index.create_sql(AuditEntry, editor)) for index in AuditEntry._meta.indexes
        )
    columns = {str(field.column) for field in AuditEntry._meta.local_fields}
    return {column for column in columns if f'"{column}"' in statements}


@override_settings(STORAGES={"default": OTHER})
def test_workers_share_the_keys_of_a_storage_that_takes_one_at_a_time() -> None:
    due(CLAIM_SIZE + 1, "default")
    first, second = claim(1000), claim(1000)
    assert first
    assert second
    assert (len(first.entries), len(second.entries)) == (CLAIM_SIZE, 1)


@override_settings(STORAGES={"default": OTHER})
def test_a_claim_changes_no_column_that_is_indexed() -> None:
    due(3, "default")
    before: dict[str, Any] = dict(AuditEntry.objects.values().get(name="0"))
    assert claim(1000)
    after: dict[str, Any] = dict(AuditEntry.objects.values().get(name="0"))
    changed = {column for column in before if before[column] != after[column]}
    assert changed == {"leased_until"}
    assert not changed & indexed_columns()


def test_a_storage_that_is_gone_delays_no_other() -> None:
    due(1, "sold")
    assert purge_due_files()
    assert AuditEntry.objects.get().due_at > timezone.now()
