"""A doubt about a storage is looked into again, and its alarm ends with its cause."""

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
from tests.removing.conftest import confirmed, drafted
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
    """Let the first reads of the marker give something else; return what is left of these."""
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


def test_one_garbled_reply_to_the_marker_s_read_holds_up_nothing(
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


def test_a_marker_that_stays_garbled_holds_the_storage_up(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    garbled_once(monkeypatch, *[b"<html>"] * mark_module.TRIES)
    purge_due_files()
    assert ends() == {("pending", "")}
    assert "cannot be read" in StorageIdentity.objects.get(alias="default").problem


def troubled() -> None:
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    assert not verify_erased_files()
    marks = StorageIdentity.objects.filter(alias="default")
    marks.update(problem="It holds no marker.", problem_at=timezone.now())
    assert len(overdue().problems) == 2


def test_marking_a_storage_again_ends_its_alarms(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    (fresh_storage / IDENTITY_FILE).unlink()
    troubled()
    write_identity("default", replace=True)
    assert not overdue().problems
    assert verify_erased_files()


def test_a_proof_ends_the_alarms_of_its_own_want(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    """Also where nothing is due in that storage: the clock looks once more."""
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    marker = (fresh_storage / IDENTITY_FILE).read_bytes()
    (fresh_storage / IDENTITY_FILE).unlink()
    troubled()
    StorageIdentity.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    run_once(alone=True)
    assert len(overdue().problems) == 2
    (fresh_storage / IDENTITY_FILE).write_bytes(marker)
    StorageIdentity.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    storage_problems.recheck_problems()
    assert not overdue().problems


def test_a_refused_look_stays_an_alarm_though_the_storage_is_the_right_one(
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


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_empty(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's `lexists` says no of it; root, who runs the tests, may look everywhere."""

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
