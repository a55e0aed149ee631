"""Looking again, after the deed, whether erased keys are gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from moderation.jobs.scheduler import overdue
from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import FOUND_AGAIN
from moderation.purge.run import purge_due_files
from moderation.purge.verify import verify_erased_files
from moderation.storage.base import IDENTITY_FILE
from moderation.storage.filesystem import FileSystemAdapter
from posts.models import Post
from tests.helpers import confirmed, drafted, stored
from tests.services.audit_log import unguarded
from tests.testapp.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def unverified(moderator: User, make_posts: MakePosts) -> AuditEntry:
    """An erased entry whose adapter did not look afterwards."""
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    entry = AuditEntry.objects.first()
    assert entry
    return entry


def test_erased_keys_are_looked_for_once_more(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    unverified(moderator, make_posts)
    assert verify_erased_files()
    assert not AuditEntry.objects.filter(verified_at=None).exists()
    assert set(AuditEntry.objects.values_list("detail", flat=True)) == {""}
    assert not verify_erased_files()


def test_a_key_that_is_there_again_is_told_of(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    entry = unverified(moderator, make_posts)
    stored(entry.name)
    verify_erased_files()
    entry.refresh_from_db()
    assert (entry.state, entry.detail) == ("erased", FOUND_AGAIN)


def test_nothing_is_verified_in_a_storage_that_is_another_one(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    unverified(moderator, make_posts)
    with override_settings(ENVIRONMENT="staging"):
        assert not verify_erased_files()
    assert AuditEntry.objects.filter(verified_at=None).count() == 2


def test_a_storage_that_cannot_be_verified_does_not_hold_up_the_others(
    marked: None, moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    unverified(moderator, make_posts)
    Volume.objects.create(text=stored("text.txt", "attachments")).delete()
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    (fresh_storage / IDENTITY_FILE).unlink()
    assert verify_erased_files()
    verified = AuditEntry.objects.exclude(verified_at=None)
    assert list(verified.values_list("storage", flat=True)) == ["attachments"]
    assert not verify_erased_files()


def test_a_storage_that_may_not_be_looked_into_is_left_alone_for_a_while(
    marked: None,
    moderator: User,
    make_posts: MakePosts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        asked.append("exists")
        raise PermissionError("No listing.")

    asked: list[str] = []
    unverified(moderator, make_posts)
    with monkeypatch.context() as patch:
        patch.setattr(FileSystemAdapter, "verify", refuse)
        assert not any(verify_erased_files() for _ in range(3))
        assert len(asked) == 1
        StorageIdentity.objects.update(verify_at=timezone.now())
        assert not verify_erased_files()
    assert len(asked) == 2
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]
    (problem,) = overdue().problems
    assert "PermissionError: No listing." in problem
    StorageIdentity.objects.update(verify_at=timezone.now())
    assert verify_erased_files()
    assert not overdue().problems
