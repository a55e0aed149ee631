"""Keys that fail again and again do not block others, however many and old they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from moderation.db.bulk_insert import insert
from moderation.models import AuditEntry
from moderation.purge import run as batch_module
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.storage import FileToErase, Outcome, Result, write_identity
from moderation.storage.base import OnVersions
from tests.purge.erasing import erase_with

pytestmark = pytest.mark.django_db(transaction=True)


def due(names: Iterable[str], **columns: object) -> None:
    """Write entries that have been due for an hour."""
    hour_ago = timezone.now() - timedelta(hours=1)
    same = {
        "storage": "default",
        "identity": write_identity("default").identity,
        "object_label": "posts.PostImage",
        "recorded_at": hour_ago,
        "due_at": hour_ago,
        **columns,
    }
    insert(AuditEntry, [{"key": name, "name": name} for name in names], same=same, using="default")


def due_again() -> None:
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now(), leased_until=None)


class Denying:
    """A storage that refuses names with "bad", with an error for the key or for the request."""

    claim_size = 1000

    def __init__(self, *, own: bool = True) -> None:
        self.own = own

    def erase(self, files: Iterable[FileToErase], _note: OnVersions) -> Iterator[Outcome]:
        for each in files:
            if each.name.startswith("bad"):
                yield Outcome(each.name, Result.FAILED, "AccessDenied", "No.", own=self.own)
            else:
                yield Outcome(each.name, Result.ERASED)


@pytest.mark.parametrize("own", [True, False])
def test_a_good_key_does_not_wait_for_3000_older_ones_that_are_denied(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(f"bad-{n}" for n in range(3000))
    erase_with(monkeypatch, Denying(own=own))
    for _ in range(4):
        purge_due_files()
    due(["good"], recorded_at=timezone.now(), due_at=timezone.now())
    due_again()
    monkeypatch.setattr(batch_module, "CLAIM_FOR", 0)
    purge_due_files()
    assert AuditEntry.objects.get(name="good").state == "erased"
    bad = AuditEntry.objects.filter(name__startswith="bad")
    assert set(bad.values_list("state", flat=True)) == {"pending"}
    if not own:
        assert not bad.exclude(attempts=0).exists()


@override_settings(MODERATION_REQUEST_KEYS=100)
def test_keys_that_failed_have_a_share_of_a_claim_and_the_least_tried_go_first() -> None:
    due([f"often-{n}" for n in range(100)], error_code="AccessDenied", attempts=5)
    due([f"once-{n}" for n in range(20)], error_code="AccessDenied", attempts=1)
    due(f"fresh-{n}" for n in range(200))
    first = claim(100)
    assert first
    prefixes = [entry.name.split("-")[0] for entry in first.entries]
    assert prefixes == ["fresh"] * 75 + ["once"] * 20 + ["often"] * 5
    claim(100)
    third = claim(100)
    assert third
    prefixes = [entry.name.split("-")[0] for entry in third.entries]
    assert (prefixes.count("fresh"), prefixes.count("often")) == (50, 50), "what is left has room"


def test_a_whole_storage_that_denies_parks_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    due(["bad"])
    erase_with(monkeypatch, Denying(own=False))
    for _ in range(10):
        due_again()
        purge_due_files()
    entry = AuditEntry.objects.get()
    assert (entry.state, entry.attempts, entry.error) == ("pending", 0, "No.")
