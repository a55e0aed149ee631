"""Verifying, some time after a purge, that erased keys have not come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from moderation.jobs.scheduler import overdue
from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import FOUND_AGAIN
from moderation.purge import verify
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


def unverified_in_two_storages(moderator: User, make_posts: MakePosts) -> None:
    """Erase files in both storages as well, so that none of their entries is verified."""
    unverified(moderator, make_posts)
    Volume.objects.create(text=stored("text.txt", "attachments")).delete()
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)


def test_erased_keys_are_looked_for_once_more(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    unverified(moderator, make_posts)
    assert verify_erased_files()
    assert not AuditEntry.objects.filter(verified_at=None).exists()
    assert set(AuditEntry.objects.values_list("detail", flat=True)) == {""}
    assert not verify_erased_files()


def test_a_key_that_is_there_again_is_reported(
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


def test_a_storage_that_cannot_be_verified_does_not_delay_the_others(
    marked: None, moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    unverified_in_two_storages(moderator, make_posts)
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
        requests.append("exists")
        raise PermissionError("No listing.")

    requests: list[str] = []
    unverified(moderator, make_posts)
    with monkeypatch.context() as patch:
        patch.setattr(FileSystemAdapter, "verify", refuse)
        assert not any(verify_erased_files() for _ in range(3))
        assert len(requests) == 3, "the page, then each name"
        StorageIdentity.objects.update(verify_at=timezone.now())
        assert not verify_erased_files()
    assert len(requests) == 6
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]
    (problem,) = overdue().problems
    assert "PermissionError: No listing." in problem
    StorageIdentity.objects.update(verify_at=timezone.now())
    assert verify_erased_files()
    assert not overdue().problems


def refuse_names(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the storage refuse every request that is about one of the names."""
    exists = FileSystemAdapter.exists

    def refuse(self: FileSystemAdapter, name: str) -> bool:
        if name in names:
            raise PermissionError("Forbidden.")
        return exists(self, name)

    patch.setattr(FileSystemAdapter, "exists", refuse)


def verified() -> list[bool]:
    """Return whether each entry is verified, the oldest first."""
    times = AuditEntry.objects.order_by("pk").values_list("verified_at", flat=True)
    return [time is not None for time in times]


def after_the_pause() -> bool:
    """Verify once more, as if a pause were over."""
    StorageIdentity.objects.exclude(verify_at=None).update(verify_at=timezone.now())
    return verify_erased_files()


def test_a_key_that_may_not_be_checked_does_not_delay_the_others(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = unverified(moderator, make_posts)
    with monkeypatch.context() as patch:
        refuse_names(patch, entry.name)
        assert verify_erased_files()
        assert verified() == [False, True]
        (problem,) = overdue().problems
        assert f"PermissionError: Forbidden. ({entry.name})" in problem
        assert not verify_erased_files()
    assert after_the_pause()
    assert verified() == [True, True]
    assert not overdue().problems


def test_keys_that_may_not_be_checked_are_not_tried_first_for_ever(
    marked: None, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    for post in make_posts(3, images=1):
        post.delete()
    while purge_due_files():
        pass
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    settings.MODERATION_REQUEST_KEYS = 2
    names = list(AuditEntry.objects.order_by("pk").values_list("name", flat=True))
    with monkeypatch.context() as patch:
        refuse_names(patch, *names[:3])
        assert not verify_erased_files(), "the first page has no other keys"
        assert not verify_erased_files(), "a pause"
        assert after_the_pause()
        assert verify_erased_files(), "no pause while the storage answers"
        assert verified() == [False] * 3 + [True] * 3
        assert "Forbidden." in overdue().problems[0]
        StorageIdentity.objects.update(verify_at=timezone.now())
        assert not verify_erased_files(), "the end of the list, and another pause"
    for _ in range(4):
        after_the_pause()
    assert verified() == [True] * 6
    assert not overdue().problems


def test_names_are_checked_one_by_one_only_for_a_while(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[list[str]] = []

    def refuse(_self: FileSystemAdapter, names: list[str]) -> dict[str, bool]:
        requests.append(names)
        raise TimeoutError

    unverified(moderator, make_posts)
    names = list(AuditEntry.objects.order_by("pk").values_list("name", flat=True))
    monkeypatch.setattr(verify, "ONE_BY_ONE_FOR", -1)
    monkeypatch.setattr(FileSystemAdapter, "verify", refuse)
    assert not verify_erased_files()
    assert requests == [names, names[:1]]
    assert not after_the_pause()
    assert requests[2:] == [names[1:], names[1:]]


def test_a_storage_with_many_keys_does_not_delay_the_others(
    marked: None, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    unverified_in_two_storages(moderator, make_posts)
    settings.MODERATION_REQUEST_KEYS = 1
    assert verify_erased_files()
    done = AuditEntry.objects.exclude(verified_at=None).values_list("storage", flat=True)
    assert set(done) == {"attachments", "default"}
