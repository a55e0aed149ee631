"""How much of the work list one worker takes at once."""

from __future__ import annotations

import pytest
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


@override_settings(STORAGES={"default": OTHER})
def test_workers_share_the_keys_of_a_storage_that_takes_one_at_a_time() -> None:
    due(CLAIM_SIZE + 1, "default")
    first, second = claim(1000), claim(1000)
    assert first
    assert second
    assert (len(first.entries), len(second.entries)) == (CLAIM_SIZE, 1)


def test_a_storage_that_is_gone_holds_up_no_other() -> None:
    due(1, "sold")
    assert purge_due_files()
    assert AuditEntry.objects.get().due_at > timezone.now()
