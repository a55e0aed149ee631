"""Several entries of one key, and two workers who come across them at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage, storages
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from moderation.models import AuditEntry
from moderation.purge.claim import CLAIMED_ELSEWHERE, claim
from moderation.purge.results import write_outcomes
from moderation.purge.run import purge_due_files
from moderation.storage import Outcome, Result, write_identity
from posts.models import Post, PostImage
from tests.testapp.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)
two_who_lock_rows = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="on SQLite one claims after the other"
)

# Seconds that one of the two waits for the other, at most.
PATIENCE = 60
IN_MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}


@pytest.fixture
def entries(transactional_db: None) -> list[AuditEntry]:
    """Two entries of one key, as of two batches that each deleted a row which named it."""
    write_identity("attachments")
    name = storages["attachments"].save("shared.pdf", ContentFile(b"x"))
    Volume.objects.bulk_create([Volume(text=name), Volume(text=name)])
    for volume in Volume.objects.all():
        volume.delete()
    return list(AuditEntry.objects.order_by("pk"))


@contextmanager
def claimed_elsewhere(entry: AuditEntry) -> Iterator[None]:
    """Have another worker hold an entry locked, as while it claims."""
    locked, over = threading.Event(), threading.Event()

    def lock() -> None:
        try:
            with transaction.atomic():
                AuditEntry.objects.select_for_update().get(pk=entry.pk)
                locked.set()
                over.wait(PATIENCE)
        finally:
            connection.close()

    other = threading.Thread(target=lock)
    other.start()
    try:
        assert locked.wait(PATIENCE)
        yield
    finally:
        over.set()
        other.join()


def leased(entry: AuditEntry, until: datetime) -> None:
    AuditEntry.objects.filter(pk=entry.pk).update(leased_until=until)


def states() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("state", flat=True))


def test_all_entries_of_a_key_are_claimed_together(entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(pk=entries[1].pk).update(due_at=timezone.now() + timedelta(days=1))
    batch = claim(1)
    assert batch
    assert [(entry.pk, entry.is_leased) for entry in batch.entries] == [
        (entry.pk, True) for entry in entries
    ]


def test_a_key_that_another_worker_has_leased_waits(entries: list[AuditEntry]) -> None:
    leased(entries[1], timezone.now() + timedelta(minutes=5))
    before = timezone.now()
    batch = claim(10)
    assert batch
    assert not batch.entries
    entries[0].refresh_from_db()
    assert entries[0].leased_until is None
    assert entries[0].due_at >= before + CLAIMED_ELSEWHERE


def test_an_expired_lease_delays_nobody(entries: list[AuditEntry]) -> None:
    leased(entries[1], timezone.now() - timedelta(seconds=1))
    batch = claim(10)
    assert batch
    assert len(batch.entries) == 2


@two_who_lock_rows
def test_whoever_locks_the_first_entry_of_a_key_claims_it_and_the_result_counts_for_all(
    entries: list[AuditEntry],
) -> None:
    with claimed_elsewhere(entries[1]):
        batch = claim(10)
        assert batch
        assert [entry.is_leased for entry in batch.entries] == [True, False]
    write_outcomes(
        batch.ref, [(Outcome("shared.pdf", Result.ERASED), batch.entries)], {batch.leased_until}
    )
    assert states() == ["erased", "erased"]


@two_who_lock_rows
def test_whoever_locks_a_later_entry_of_a_key_reschedules_it(entries: list[AuditEntry]) -> None:
    before = timezone.now()
    with claimed_elsewhere(entries[0]):
        batch = claim(10)
        assert batch
        assert not batch.entries
    entries[1].refresh_from_db()
    assert entries[1].leased_until is None
    assert entries[1].due_at >= before + CLAIMED_ELSEWHERE


@two_who_lock_rows
def test_an_answer_says_nothing_of_an_entry_that_somebody_leased_since(
    entries: list[AuditEntry],
) -> None:
    with claimed_elsewhere(entries[1]):
        batch = claim(10)
    assert batch
    leased(entries[1], timezone.now() + timedelta(minutes=5))
    write_outcomes(
        batch.ref, [(Outcome("shared.pdf", Result.ERASED), batch.entries)], {batch.leased_until}
    )
    assert states() == ["erased", "pending"]


@pytest.mark.parametrize("spelled", [("x.pdf", "./x.pdf"), ("./x.pdf", "x.pdf")])
def test_a_row_keeps_every_entry_whose_name_may_mean_its_file(spelled: tuple[str, str]) -> None:
    with override_settings(STORAGES={"default": IN_MEMORY}):
        identity = write_identity("default").identity
        assert isinstance(storages["default"], InMemoryStorage)
        default_storage.save("x.pdf", ContentFile(b"x"))
        now = timezone.now()
        for name in spelled:
            AuditEntry.objects.create(storage="default", identity=identity, key=name, name=name,
                                      object_label="library.Volume", object_key="1",
                                      due_at=now, recorded_at=now)  # fmt: skip
        used_by_a_row("x.pdf")
        while purge_due_files():
            pass
        assert default_storage.exists("x.pdf")
    assert states() == ["in_use", "in_use"]


def used_by_a_row(name: str) -> None:
    post = Post.objects.create(author=User.objects.create(username="a"), title="Good")
    row = {"sha256": "0" * 64, "size": 1, "width": 1, "height": 1}
    PostImage.objects.bulk_create([PostImage(post=post, image=name, thumbnail="t.webp", **row)])
