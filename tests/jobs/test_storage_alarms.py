"""A storage with a problem is verified again, and its alarm ends with the cause."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from moderation.jobs.scheduler import overdue, run_once
from moderation.models import AuditEntry, StorageIdentity
from moderation.purge import storage_problems
from moderation.purge.run import purge_due_files
from moderation.purge.verify import verify_erased_files
from moderation.storage import identity as mark_module
from moderation.storage import write_identity
from moderation.storage.base import IDENTITY_FILE
from moderation.storage.filesystem import FileSystemAdapter
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.services.audit_log import unguarded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_module, "PAUSE", 0.01)


def due_again() -> None:
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now(), leased_until=None)


def ends() -> set[tuple[str, str]]:
    return set(AuditEntry.objects.values_list("state", "detail"))


def garbled_once(patch: pytest.MonkeyPatch, *replies: object) -> list[object]:
    """Replace the first reads of the identity file; return the replies that are left."""
    left = list(replies)
    read = FileSystemAdapter.read_identity_file

    def reply(self: FileSystemAdapter) -> bytes | None:
        if not left:
            return read(self)
        first = left.pop(0)
        if isinstance(first, Exception):
            raise first
        assert isinstance(first, bytes)
        return first

    patch.setattr(FileSystemAdapter, "read_identity_file", reply)
    return left


def test_one_garbled_read_of_the_identity_file_delays_nothing(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    left = garbled_once(monkeypatch, b'{"identity": "12', ConnectionResetError(104))
    purge_due_files()
    assert left == []
    assert ends() == {("erased", "")}
    assert StorageIdentity.objects.get(alias="default").problem == ""
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    garbled_once(monkeypatch, b"<html>", OSError("cut"))
    assert verify_erased_files()
    assert StorageIdentity.objects.get(alias="default").verify_at is None


def test_an_identity_file_that_stays_garbled_delays_the_storage(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    garbled_once(monkeypatch, *[b"<html>"] * mark_module.TRIES)
    purge_due_files()
    assert ends() == {("pending", "")}
    assert "cannot be read" in StorageIdentity.objects.get(alias="default").problem


def make_problems() -> None:
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    assert not verify_erased_files()
    known = StorageIdentity.objects.filter(alias="default")
    known.update(problem="It has no identity file.", problem_at=timezone.now())
    assert len(overdue().problems) == 2


def test_writing_the_identity_again_ends_the_alarms(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    (fresh_storage / IDENTITY_FILE).unlink()
    make_problems()
    write_identity("default", replace=True)
    assert not overdue().problems
    assert verify_erased_files()


def test_verifying_a_storage_ends_its_alarms(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    """Even if nothing is due in that storage: the scheduler verifies it again."""
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    identity_file = (fresh_storage / IDENTITY_FILE).read_bytes()
    (fresh_storage / IDENTITY_FILE).unlink()
    make_problems()
    StorageIdentity.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    run_once(alone=True)
    assert len(overdue().problems) == 2
    (fresh_storage / IDENTITY_FILE).write_bytes(identity_file)
    StorageIdentity.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    storage_problems.recheck_problems()
    assert not overdue().problems


def test_a_check_that_is_refused_stays_an_alarm_in_the_right_storage(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)

    def refuse(*_: object) -> None:
        raise PermissionError("No listing.")

    monkeypatch.setattr(FileSystemAdapter, "verify", refuse)
    assert not verify_erased_files()
    storage_problems.clear_problem("default")
    (problem,) = overdue().problems
    assert "No listing." in problem


def test_a_folder_that_cannot_be_read_does_not_count_as_empty(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's `lexists` would say no; root, who runs the tests, can read every folder."""

    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    look = os.lstat

    def lstat(path: str, *, dir_fd: int | None = None) -> os.stat_result:
        if str(path).endswith(".jpg"):
            raise PermissionError(13, "Permission denied", path)
        return look(path, dir_fd=dir_fd)

    monkeypatch.setattr(FileSystemStorage, "delete", lambda _self, _name: None)
    monkeypatch.setattr(os, "lstat", lstat)
    purge_due_files()
    entry = AuditEntry.objects.get(name__endswith=".jpg")
    assert (entry.state, entry.error_code) == ("pending", "PermissionError")
