"""Keys that are requested twice, named twice or used again: each result counts for its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import islice

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.db import OperationalError
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge import run as batch_module
from moderation.purge.claim import claim, reschedule
from moderation.purge.run import purge_due_files
from moderation.storage import FileToErase, Outcome, Result, WrongStorage, write_identity
from moderation.storage.base import IDENTITY_FILE, OnVersions
from tests.purge.erasing import erase_with
from tests.testapp.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def marks(transactional_db: None) -> None:
    write_identity("default")
    write_identity("attachments")


def stored(name: str) -> str:
    return storages["attachments"].save(name, ContentFile(b"x"))


def purge_all() -> None:
    while purge_due_files():
        pass


def state_of(name: str) -> str:
    return AuditEntry.objects.get(name=name).state


def test_a_key_that_a_row_uses_is_kept_under_every_spelling() -> None:
    name = stored("shared.pdf")
    Volume.objects.create(text=name)
    for spelled in (f"./{name}", name):
        Volume.objects.create(text=spelled).delete()
    purge_all()
    assert {state_of(name), state_of(f"./{name}")} == {"in_use"}
    assert storages["attachments"].exists(name)


def test_an_answer_is_not_written_into_an_entry_that_came_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [stored("one.pdf"), stored("two.pdf")]
    for name in names:
        Volume.objects.create(text=name).delete()
    delete, done = FileSystemStorage.delete, []

    def delete_and_store_again(storage: FileSystemStorage, name: str) -> None:
        delete(storage, name)
        done.append(name)
        if len(done) == len(names):  # the first is answered, and not yet written down
            again = storage.save(done[0], ContentFile(b"another file"))
            Volume.objects.bulk_create([Volume(text=again)])
            Volume.objects.get(text=again).delete()

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", delete_and_store_again)
        patch.setattr(batch_module, "CLAIM_FOR", 0)
        purge_due_files()
    assert storages["attachments"].exists(done[0])
    assert sorted(AuditEntry.objects.filter(name=done[0]).values_list("state", flat=True)) == [
        "erased",
        "pending",
    ]
    purge_all()
    assert not storages["attachments"].exists(done[0])


def test_a_key_is_refused_to_a_row_after_a_killed_worker_and_a_wrong_storage() -> None:
    name = stored("requested.pdf")
    Volume.objects.create(text=name).delete()
    claim(10)
    storages["attachments"].delete(name)  # the storage obeys, and the worker is killed
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(hours=1))
    with storages["attachments"].open(IDENTITY_FILE) as file:
        marker = file.read()
    storages["attachments"].delete(IDENTITY_FILE)
    purge_due_files()
    storages["attachments"].save(IDENTITY_FILE, ContentFile(marker))
    assert state_of(name) == "pending"
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=name)


def test_a_worker_that_comes_to_leaves_the_lease_of_the_next() -> None:
    Volume.objects.create(text=stored("lease.pdf")).delete()
    first = claim(10)
    assert first
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert claim(10)
    reschedule(first.entries, timedelta(0), {first.leased_until})
    assert claim(10) is None


def test_a_database_error_while_the_identity_is_verified_costs_no_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Volume.objects.create(text=stored("busy.pdf")).delete()

    def busy(*_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(batch_module, "clear_problem", busy)
    with pytest.raises(OperationalError):
        purge_due_files()
    assert not AuditEntry.objects.filter(leased_until__isnull=False).exists()


class Noting:
    """A storage's adapter that erases all, and notes what it was given."""

    claim_size = 1000

    def __init__(self) -> None:
        self.given: list[FileToErase] = []

    def erase(self, files: Iterable[FileToErase], _note: OnVersions) -> Iterator[Outcome]:
        for each in files:
            self.given.append(each)
            yield Outcome(each.name, Result.ERASED)


@pytest.mark.parametrize(("tried", "versions"), [(2, ("v1",)), (1, ())])
def test_versions_bind_only_where_every_entry_of_the_key_was_tried(
    tried: int, versions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stored("versions.pdf")
    volumes = [Volume.objects.create(text=name) for _ in range(2)]
    for volume in volumes:
        volume.delete()
    keys = AuditEntry.objects.order_by("pk").values_list("pk", flat=True)[:tried]
    AuditEntry.objects.filter(pk__in=list(keys)).update(versions=["v1"], attempts=1)
    noting = Noting()
    erase_with(monkeypatch, noting)
    purge_due_files()
    assert noting.given == [FileToErase(name, versions)]


class InterruptedAdapter:
    """An adapter that calls a function of the test before it takes each further name."""

    claim_size = 1000

    def __init__(self, *actions: Callable[[], object]) -> None:
        self.actions = actions

    def erase(self, files: Iterable[FileToErase], _note: OnVersions) -> Iterator[Outcome]:
        names, taken = iter(files), []
        for action in (lambda: None, *self.actions):
            action()
            taken += [each.name for each in islice(names, 1)]
        yield from (Outcome(name, Result.ERASED) for name in taken)


def test_entries_that_wait_for_a_key_are_released_if_the_storage_is_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deleted(name: str) -> None:
        Volume.objects.bulk_create([Volume(text=name)])
        Volume.objects.get(text=name).delete()

    def is_another_storage(*_: object) -> None:
        raise WrongStorage("another")

    def turn_wrong() -> None:
        deleted("third.pdf")
        monkeypatch.setattr(batch_module, "verify_identity", is_another_storage)

    def again() -> None:  # claimed while the first one of its key is being erased
        deleted("one.pdf")
        deleted("two.pdf")

    deleted("one.pdf")
    adapter = InterruptedAdapter(again, turn_wrong)
    erase_with(monkeypatch, adapter)
    purge_due_files()
    # Earlier results are not believed either; their files may be erased, so the lease stays.
    waiting = AuditEntry.objects.filter(state="pending").order_by("pk")
    assert [(entry.name, entry.leased_until is None) for entry in waiting] == [
        ("one.pdf", False),
        ("one.pdf", True),
        ("two.pdf", False),
        ("third.pdf", True),
    ]
