"""A storage's results count only after it was verified again, as it may change at any moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage, storages
from django.test import override_settings
from django.utils import timezone

from moderation.clock import missing_problems, overdue, tick
from moderation.models import AuditEntry, StorageMark
from moderation.purge import batch as batch_module
from moderation.purge import problems
from moderation.purge.batch import purge_batch
from moderation.purge.verify import verify_batch
from moderation.storage import mark as mark_module
from moderation.storage import write_mark
from moderation.storage.adapter import ERASED_EARLIER, MARKER_NAME, WAS_MISSING
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.other import OtherAdapter
from posts.models import Post
from tests.parts.audit_log import unguarded
from tests.removing.conftest import confirmed, drafted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]
IN_MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_module, "PAUSE", 0.01)


def due_again() -> None:
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now(), leased_until=None)


def ends() -> set[tuple[str, str]]:
    return set(AuditEntry.objects.values_list("state", "remark"))


@contextmanager
def before_a_deletion(patch: pytest.MonkeyPatch, deed: Callable[[], object]) -> Iterator[None]:
    """Call `deed` once, when the storage is about to delete its second file."""
    calls: list[str] = []
    erase = OtherAdapter._erase

    def erased(self: OtherAdapter, name: str) -> str:
        calls.append(name)
        if len(calls) == 2:
            deed()
        own: Callable[[OtherAdapter, str], str] = erase_by[type(self)]
        return own(self, name)

    erase_by: dict[type[OtherAdapter], Any] = {
        FileSystemAdapter: FileSystemAdapter._erase,
        OtherAdapter: erase,
    }
    with patch.context() as inner:
        inner.setattr(FileSystemAdapter, "_erase", erased)
        inner.setattr(OtherAdapter, "_erase", erased)
        yield
    assert len(calls) > 1


@pytest.mark.parametrize("empty_instead", [False, True])
def test_a_folder_that_is_renamed_away_after_the_proof_loses_no_file(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
    empty_instead: bool,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(2), moderator), moderator)
    away = fresh_storage.with_name("away")

    def rename() -> None:
        fresh_storage.rename(away)
        if empty_instead:
            fresh_storage.mkdir()

    with before_a_deletion(monkeypatch, rename):
        purge_batch()
    assert ends() == {("pending", "")}
    assert not AuditEntry.objects.exclude(attempts=0).exists()
    assert "holds no marker" in StorageMark.objects.get(alias="default").problem
    shutil.rmtree(fresh_storage, ignore_errors=True)
    away.rename(fresh_storage)
    AuditEntry.objects.update(due_at=timezone.now())
    purge_batch()
    # One file was unlinked before the folder was renamed; the audit log does not call it missing.
    assert ends() == {("erased", ""), ("erased", ERASED_EARLIER)}
    assert not list(fresh_storage.rglob("*.jpg"))


def test_a_folder_that_goes_between_the_look_and_the_deletion_was_missing(
    moderator: User, make_posts: MakePosts, fresh_storage: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Django's own `delete` treats it as success."""
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    with before_a_deletion(monkeypatch, lambda: shutil.rmtree(fresh_storage)):
        purge_batch()
    assert ends() == {("pending", "")}


def test_any_other_storage_is_proved_again_too(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(STORAGES={"default": IN_MEMORY}):
        write_mark("default", replace=True)
        assert isinstance(storages["default"], InMemoryStorage)
        confirmed(drafted(make_posts(2), moderator), moderator)
        with before_a_deletion(monkeypatch, lambda: default_storage.delete(MARKER_NAME)):
            purge_batch()
    assert ends() == {("pending", "")}


def test_a_later_look_is_believed_only_by_the_same_proof(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_batch()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    look = FileSystemAdapter.verify

    def looked(self: FileSystemAdapter, names: list[str]) -> dict[str, bool]:
        fresh_storage.rename(fresh_storage.with_name("away"))
        return look(self, names)

    monkeypatch.setattr(FileSystemAdapter, "verify", looked)
    assert not verify_batch()
    assert not AuditEntry.objects.exclude(verified_at=None).exists()


def test_what_a_dead_worker_erased_was_not_missing(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch_module, "write_outcomes", die)
        with pytest.raises(KeyboardInterrupt):
            purge_batch()
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    purge_batch()
    assert ends() == {("erased", ERASED_EARLIER)}


@override_settings(MODERATION_MISSING_ALARM=4)
def test_many_missing_files_at_once_are_an_alarm_and_on_the_page_s_count(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    posts = make_posts(2)
    removal = confirmed(drafted(posts, moderator), moderator)
    below = [name for name in fresh_storage.iterdir() if name.suffix != ".json"]
    for path in below[:3]:
        path.unlink()
    purge_batch()
    assert removal.entries.filter(remark=WAS_MISSING).count() == 3
    assert missing_problems() == []
    with unguarded():
        AuditEntry.objects.filter(remark="").update(remark=WAS_MISSING)
    (problem,) = overdue().problems
    assert "8 files" in problem
    assert "default" in problem
    with unguarded():
        AuditEntry.objects.update(erased_at=timezone.now() - timedelta(days=2))
    assert missing_problems() == []


def garbled_once(patch: pytest.MonkeyPatch, *replies: object) -> list[object]:
    """Make the first reads of the marker return `replies`; return those not yet used."""
    left = list(replies)
    read = FileSystemAdapter.read_marker

    def reply(self: FileSystemAdapter) -> bytes | None:
        if not left:
            return read(self)
        first = left.pop(0)
        if isinstance(first, Exception):
            raise first
        assert isinstance(first, bytes)
        return first

    patch.setattr(FileSystemAdapter, "read_marker", reply)
    return left


def test_one_garbled_reply_to_the_marker_s_read_holds_up_nothing(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    left = garbled_once(monkeypatch, b'{"identity": "12', ConnectionResetError(104))
    purge_batch()
    assert left == []
    assert ends() == {("erased", "")}
    assert StorageMark.objects.get(alias="default").problem == ""
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    garbled_once(monkeypatch, b"<html>", OSError("cut"))
    assert verify_batch()
    assert StorageMark.objects.get(alias="default").verify_at is None


def test_a_marker_that_stays_garbled_holds_the_storage_up(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    garbled_once(monkeypatch, *[b"<html>"] * mark_module.TRIES)
    purge_batch()
    assert ends() == {("pending", "")}
    assert "cannot be read" in StorageMark.objects.get(alias="default").problem


def troubled() -> None:
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    assert not verify_batch()
    marks = StorageMark.objects.filter(alias="default")
    marks.update(problem="It holds no marker.", problem_at=timezone.now())
    assert len(overdue().problems) == 2


def test_marking_a_storage_again_ends_its_alarms(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_batch()
    (fresh_storage / MARKER_NAME).unlink()
    troubled()
    write_mark("default", replace=True)
    assert not overdue().problems
    assert verify_batch()


def test_a_proof_ends_the_alarms_of_its_own_want(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    """Even if nothing is due in that storage: the scheduler verifies it again."""
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_batch()
    marker = (fresh_storage / MARKER_NAME).read_bytes()
    (fresh_storage / MARKER_NAME).unlink()
    troubled()
    StorageMark.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    tick(alone=True)
    assert len(overdue().problems) == 2
    (fresh_storage / MARKER_NAME).write_bytes(marker)
    StorageMark.objects.update(problem_at=timezone.now() - timedelta(minutes=2))
    problems.look_again_at_problems()
    assert not overdue().problems


def test_a_refused_look_stays_an_alarm_though_the_storage_is_the_right_one(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_batch()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)

    def refuse(*_: object) -> None:
        raise PermissionError("No listing.")

    monkeypatch.setattr(FileSystemAdapter, "verify", refuse)
    assert not verify_batch()
    problems.clear_problem("default")
    (problem,) = overdue().problems
    assert "No listing." in problem


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_empty(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's `lexists` returns False for it; root, who runs the tests, may look everywhere."""

    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    look = os.lstat

    def lstat(path: str) -> os.stat_result:
        if str(path).endswith(".jpg"):
            raise PermissionError(13, "Permission denied", path)
        return look(path)

    monkeypatch.setattr(FileSystemStorage, "delete", lambda _self, _name: None)
    monkeypatch.setattr(os, "lstat", lstat)
    purge_batch()
    entry = AuditEntry.objects.get(name__endswith=".jpg")
    assert (entry.state, entry.error_code) == ("pending", "PermissionError")
