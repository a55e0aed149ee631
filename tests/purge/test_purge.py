"""The purge: after the commit, by the audit log alone, and only from the storage that is meant."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage, storages
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from moderation.lifecycle.entries import retry as retry_entries
from moderation.lifecycle.removals import advance, retry
from moderation.models import AuditEntry, StorageIdentity
from moderation.purge import run as batch_module
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.redaction import clean
from moderation.removals.delete import delete_next_batch
from moderation.storage import FileToErase, Outcome, Result
from moderation.storage.base import OnVersions
from posts.models import Post, PostImage
from tests.helpers import confirmed, drafted
from tests.purge.erasing import erase_with

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def due_again() -> None:
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now(), leased_until=None)


def states() -> dict[str, str]:
    return dict(AuditEntry.objects.values_list("name", "state"))


def test_a_shared_key_is_kept_while_a_live_row_uses_it(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    spam, ham = make_posts(2, images=1)
    shared = spam.post_images.get().image.name
    PostImage.objects.filter(post=ham).update(image=shared)
    removal = confirmed(drafted([spam], moderator), moderator)
    while purge_due_files():
        pass
    entry = AuditEntry.objects.get(name=shared)
    assert entry.state == "in_use"
    assert entry.in_use_reason == f"still used by posts.PostImage.image {ham.post_images.get().pk}"
    assert default_storage.exists(str(shared))
    removal.refresh_from_db()
    assert removal.state == "done"


@override_settings(MODERATION_BATCH_OBJECTS=1)
def test_a_key_shared_by_two_batches_is_decided_after_the_last(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    one, other = make_posts(2, images=1)
    shared = one.post_images.get().image.name
    PostImage.objects.filter(post=other).update(image=shared)
    removal = confirmed(drafted([one, other], moderator), moderator)
    delete_next_batch(removal.pk)
    purge_due_files()
    assert AuditEntry.objects.get(name=shared).state == "pending"
    assert default_storage.exists(str(shared))
    delete_next_batch(removal.pk)
    while purge_due_files():
        pass
    assert set(states().values()) == {"erased"}
    assert AuditEntry.objects.filter(name=shared).count() == 2
    assert not default_storage.exists(str(shared))


def test_a_file_that_is_missing_already_ends_erased_with_a_detail(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1, images=1)
    name = post.post_images.get().image.name
    default_storage.delete(str(name))
    confirmed(drafted([post], moderator), moderator)
    purge_due_files()
    entry = AuditEntry.objects.get(name=name)
    assert (entry.state, entry.detail) == ("erased", "was missing already")


def test_nothing_is_touched_in_a_storage_without_the_marker(
    marked: None, moderator: User, make_posts: MakePosts, fresh_storage: Path, tmp_path: Path
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    shutil.move(fresh_storage, tmp_path / "unmounted")
    fresh_storage.mkdir()
    purge_due_files()
    assert set(states().values()) == {"pending"}
    assert "holds no identity file" in StorageIdentity.objects.get(alias="default").problem
    assert not AuditEntry.objects.exclude(attempts=0).exists()
    fresh_storage.rmdir()
    shutil.move(tmp_path / "unmounted", fresh_storage)
    due_again()
    purge_due_files()
    assert set(states().values()) == {"erased"}
    assert StorageIdentity.objects.get(alias="default").problem == ""


def test_a_production_dump_in_staging_cannot_drain_production(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    with override_settings(ENVIRONMENT="staging"):
        purge_due_files()
    assert set(states().values()) == {"pending"}
    assert all(default_storage.exists(name) for name in states())


def test_no_storage_call_happens_in_a_transaction(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    inside: list[bool] = []
    backend = type(storages["default"])
    for method in ("open", "exists", "delete"):
        real = getattr(backend, method)

        def spy(self: object, *args: object, real: Callable[..., object] = real) -> object:
            inside.append(connection.in_atomic_block)
            return real(self, *args)

        monkeypatch.setattr(backend, method, spy)
    purge_due_files()
    assert inside
    assert not any(inside)
    with transaction.atomic(), pytest.raises(RuntimeError):
        purge_due_files()


def test_a_worker_killed_between_storage_and_database_is_taken_over(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch_module, "write_outcomes", die)
        with pytest.raises(KeyboardInterrupt):
            purge_due_files()
    assert set(states().values()) == {"pending"}
    assert not purge_due_files(), "the dead worker's lease is still active"
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    purge_due_files()
    assert set(states().values()) == {"erased"}


class Refusing:
    """A storage that returns the given outcomes, and may then raise an error."""

    claim_size = 1000

    def __init__(self, *outcomes: Outcome, error: Exception | None = None) -> None:
        self.outcomes, self.error = outcomes, error

    def erase(self, files: Iterable[FileToErase], _note: OnVersions) -> Iterator[Outcome]:
        self.requested = [each.name for each in files]
        yield from self.outcomes
        if self.error:
            raise self.error


def with_answers(patch: pytest.MonkeyPatch, refusing: Refusing) -> None:
    erase_with(patch, refusing)


def test_failures_are_tried_again_later_then_parked_with_the_storage_s_words(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal = confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    answers = [Outcome(name, Result.FAILED, "AccessDenied", "no") for name in states()]
    with monkeypatch.context() as patch, override_settings(MODERATION_MAX_ATTEMPTS=2):
        with_answers(patch, Refusing(*answers))
        purge_due_files()
        entry = AuditEntry.objects.first()
        assert entry
        assert (entry.state, entry.attempts, entry.error_code) == ("pending", 1, "AccessDenied")
        assert entry.due_at > timezone.now()
        due_again()
        purge_due_files()
    assert set(states().values()) == {"failed"}
    removal.refresh_from_db()
    assert removal.state == "done"
    retry(removal, actor=moderator)
    purge_due_files()
    assert set(states().values()) == {"erased"}
    removal.refresh_from_db()
    assert removal.state == "done"


def test_keys_without_an_answer_are_failures(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    with monkeypatch.context() as patch:
        with_answers(patch, Refusing())
        purge_due_files()
    assert set(AuditEntry.objects.values_list("state", "error_code")) == {("pending", "NoAnswer")}


def test_a_storage_that_breaks_off_leaves_what_it_answered(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    first, second = states()
    with monkeypatch.context() as patch:
        done = Outcome(first, Result.ERASED, verified=True)
        with_answers(patch, Refusing(done, error=OSError("wire cut")))
        purge_due_files()
    assert states() == {first: "erased", second: "pending"}
    assert AuditEntry.objects.get(name=second).error == "wire cut"


def test_all_open_entries_of_a_key_move_together(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    one, other = make_posts(2, images=1)
    shared = one.post_images.get().image.name
    PostImage.objects.filter(post=other).update(image=shared)
    confirmed(drafted([one], moderator), moderator)
    AuditEntry.objects.update(due_at=timezone.now() + timedelta(hours=1))
    confirmed(drafted([other], moderator), moderator)
    batch = claim(100)
    assert batch
    assert sum(entry.name == shared for entry in batch.entries) == 2


def test_a_failed_entry_ends_with_the_other_of_its_key(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    one, other = make_posts(2, images=1)
    shared = one.post_images.get().image.name
    PostImage.objects.filter(post=other).update(image=shared)
    first = confirmed(drafted([one], moderator), moderator)
    confirmed(drafted([other], moderator), moderator)
    AuditEntry.objects.update(state="failed", error_code="AccessDenied", attempts=8)
    retry(first, actor=moderator)
    purge_due_files()
    ended = AuditEntry.objects.filter(name=shared).values_list("state", "error_code")
    assert list(ended) == [("erased", "")] * 2


def test_failed_keys_that_are_due_again_take_their_removal_along(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    removal = confirmed(drafted(make_posts(1, images=1), moderator), moderator)
    AuditEntry.objects.update(state="failed", failed_at=timezone.now())
    advance(removal.pk)
    assert retry_entries(AuditEntry.objects.all()) == 2
    removal.refresh_from_db()
    assert (removal.state, removal.finished_at) == ("purging", None)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("line\r\nbreak\x00", "line break"),
        ("GET https://b.example/k?X-Amz-Signature=abc failed", "GET https://b.example/k failed"),
        ("AccessKeyId=AKIAIOSFODNN7EXAMPLE is bad", "[redacted] is bad"),
        ("x" * 400, "x" * 300),
    ],
)
def test_the_storage_s_words_are_cut_and_cleaned(said: str, kept: str) -> None:
    assert clean(said) == kept
