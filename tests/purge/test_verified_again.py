"""A storage's results count only after it was verified again, as it may change at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage, storages
from django.test import override_settings
from django.utils import timezone

from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import FOUND_AGAIN
from moderation.purge import run as batch_module
from moderation.purge import verify as verify_module
from moderation.purge.run import purge_due_files
from moderation.purge.verify import verify_erased_files
from moderation.storage import identity as mark_module
from moderation.storage import verify_identity, write_identity
from moderation.storage.base import ERASED_EARLIER, IDENTITY_FILE
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.generic import GenericAdapter
from moderation.storage.one_by_one import OneByOneAdapter
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.purge.erasing import ends
from tests.services.audit_log import unguarded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]
IN_MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_module, "PAUSE", 0.01)


@contextmanager
def before_a_deletion(patch: pytest.MonkeyPatch, action: Callable[[], object]) -> Iterator[None]:
    """Call `action` once, when the storage is about to delete its second file."""
    calls: list[str] = []
    delete = GenericAdapter.delete

    def counted(self: OneByOneAdapter, name: str) -> str:
        calls.append(name)
        if len(calls) == 2:
            action()
        own: Callable[[OneByOneAdapter, str], str] = delete_by[type(self)]
        return own(self, name)

    delete_by: dict[type[OneByOneAdapter], Any] = {
        FileSystemAdapter: FileSystemAdapter.delete,
        GenericAdapter: delete,
    }
    with patch.context() as inner:
        inner.setattr(FileSystemAdapter, "delete", counted)
        inner.setattr(GenericAdapter, "delete", counted)
        yield
    assert len(calls) > 1


def verify_after_its_return(away: Path, folder: Path) -> Callable[..., None]:
    """Return a function that brings a folder back before it verifies the storage."""

    def verify(*arguments: Any) -> None:
        if away.exists():
            shutil.rmtree(folder, ignore_errors=True)
            away.rename(folder)
        verify_identity(*arguments)

    return verify


def move_away(folder: Path, *, empty_instead: bool) -> None:
    folder.rename(folder.with_name("away"))
    if empty_instead:
        folder.mkdir()


@pytest.mark.parametrize("empty_instead", [False, True])
def test_a_folder_that_is_renamed_away_after_the_proof_loses_no_file(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
    empty_instead: bool,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(2), moderator), moderator)
    away = fresh_storage.with_name("away")
    rename = partial(move_away, fresh_storage, empty_instead=empty_instead)
    with before_a_deletion(monkeypatch, rename):
        purge_due_files()
    assert ends() == {("pending", "")}
    assert not AuditEntry.objects.exclude(attempts=0).exists()
    assert "holds no identity file" in StorageIdentity.objects.get(alias="default").problem
    shutil.rmtree(fresh_storage, ignore_errors=True)
    away.rename(fresh_storage)
    AuditEntry.objects.update(due_at=timezone.now())
    purge_due_files()
    # The files were erased in the folder that had been verified; none is called missing.
    assert ends() == {("erased", ERASED_EARLIER)}
    assert not list(fresh_storage.rglob("*.jpg"))


@pytest.mark.parametrize("empty_instead", [False, True])
def test_a_folder_that_is_away_only_while_files_are_erased_loses_none(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
    empty_instead: bool,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(2), moderator), moderator)
    away = fresh_storage.with_name("away")
    rename = partial(move_away, fresh_storage, empty_instead=empty_instead)

    verify = verify_after_its_return(away, fresh_storage)
    monkeypatch.setattr(batch_module, "verify_identity", verify)
    with before_a_deletion(monkeypatch, rename):
        purge_due_files()
    assert ends() == {("erased", "")}
    assert not list(fresh_storage.rglob("*.jpg"))


@pytest.mark.parametrize("empty_instead", [False, True])
def test_a_folder_that_is_away_from_its_verification_to_the_next_loses_no_file(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
    empty_instead: bool,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(2), moderator), moderator)
    away = fresh_storage.with_name("away")
    erase = FileSystemAdapter.erase

    def erase_elsewhere(self: FileSystemAdapter, *arguments: Any) -> Any:
        move_away(fresh_storage, empty_instead=empty_instead)
        return erase(self, *arguments)

    verify = verify_after_its_return(away, fresh_storage)
    monkeypatch.setattr(batch_module, "verify_identity", verify)
    monkeypatch.setattr(FileSystemAdapter, "erase", erase_elsewhere)
    purge_due_files()
    assert ends() == {("erased", "")}
    assert not list(fresh_storage.rglob("*.jpg"))


def test_a_folder_that_is_away_only_while_absence_is_verified_has_its_files(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    purge_due_files()
    for name in AuditEntry.objects.values_list("name", flat=True):
        default_storage.save(name, ContentFile(b"again"))
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    verify = FileSystemAdapter.verify

    def verify_elsewhere(self: FileSystemAdapter, names: Any) -> Any:
        move_away(fresh_storage, empty_instead=True)
        return verify(self, names)

    after = verify_after_its_return(fresh_storage.with_name("away"), fresh_storage)
    monkeypatch.setattr(verify_module, "verify_identity", after)
    monkeypatch.setattr(FileSystemAdapter, "verify", verify_elsewhere)
    verify_erased_files()
    assert ends() == {("erased", FOUND_AGAIN)}


def test_a_folder_that_goes_between_the_look_and_the_deletion_was_missing(
    moderator: User, make_posts: MakePosts, fresh_storage: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Django's own `delete` treats it as success."""
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    with before_a_deletion(monkeypatch, lambda: shutil.rmtree(fresh_storage)):
        purge_due_files()
    assert ends() == {("pending", "")}


def test_any_other_storage_is_verified_again_too(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(STORAGES={"default": IN_MEMORY}):
        write_identity("default", replace=True)
        assert isinstance(storages["default"], InMemoryStorage)
        confirmed(drafted(make_posts(2), moderator), moderator)
        with before_a_deletion(monkeypatch, lambda: default_storage.delete(IDENTITY_FILE)):
            purge_due_files()
    assert ends() == {("pending", "")}


def test_a_later_look_is_believed_only_by_the_same_proof(
    moderator: User, make_posts: MakePosts, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    confirmed(drafted(make_posts(1), moderator), moderator)
    purge_due_files()
    with unguarded():
        AuditEntry.objects.update(verified_at=None)
    look = FileSystemAdapter.verify

    def looked(self: FileSystemAdapter, names: list[str]) -> dict[str, bool]:
        fresh_storage.rename(fresh_storage.with_name("away"))
        return look(self, names)

    monkeypatch.setattr(FileSystemAdapter, "verify", looked)
    assert not verify_erased_files()
    assert not AuditEntry.objects.exclude(verified_at=None).exists()
