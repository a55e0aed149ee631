"""A storage that cannot be built keeps its own files waiting, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from moderation.jobs.scheduler import overdue, run_once
from moderation.models import AuditEntry, StorageIdentity
from moderation.registry import registration_for, registrations
from moderation.storage import write_identity
from posts.models import Post
from tests.helpers import stored
from tests.testapp.models import Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]


class WithoutAccount(FileSystemStorage):
    """One that reads its settings when it is made."""

    def __init__(self) -> None:
        raise ImproperlyConfigured("no account is given")


class WithoutFolder(FileSystemStorage):
    """One that reads its settings when it is used."""

    @property
    def location(self) -> str:
        raise ImproperlyConfigured("no account is given")


BROKEN = [WithoutAccount, WithoutFolder]


def entry_of_third(settings: Any, state: str, **columns: Any) -> AuditEntry:
    """An entry of a storage that is marked."""
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "third": memory}
    now = timezone.now()
    return AuditEntry.objects.create(
        storage="third", identity=write_identity("third").identity, key="a.txt", name="a.txt",
        object_label="library.Volume", object_key="1", recorded_at=now, due_at=now, state=state,
        **columns,
    )  # fmt: skip


def break_third(settings: Any, broken: type) -> None:
    backend = f"{broken.__module__}.{broken.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "third": {"BACKEND": backend}}


def work() -> None:
    for _ in range(3):
        run_once(alone=True)


@pytest.mark.parametrize("broken", BROKEN)
def test_the_others_are_purged_though_its_entries_are_older(
    settings: Any, make_posts: MakePosts, broken: type
) -> None:
    entry = entry_of_third(settings, "pending")
    make_posts(1, images=1)[0].delete()
    break_third(settings, broken)
    work()
    entry.refresh_from_db()
    assert (entry.state, entry.attempts) == ("pending", 0)
    others = AuditEntry.objects.filter(storage="default")
    assert list(others.values_list("state", flat=True)) == ["erased", "erased"]
    assert any("third" in text and "no account" in text for text in overdue().problems)


@pytest.mark.parametrize("broken", BROKEN)
def test_the_scheduler_continues_where_the_broken_storage_has_files_in_use(
    settings: Any, make_posts: MakePosts, broken: type
) -> None:
    used = {"in_use_at": timezone.now(), "in_use_reason": "still used by a row"}
    entry = entry_of_third(settings, "in_use", **used)
    make_posts(1, images=1)[0].delete()
    break_third(settings, broken)
    work()
    entry.refresh_from_db()
    assert (entry.state, entry.unused_at) == ("in_use", None)
    assert not AuditEntry.objects.filter(storage="default").exclude(state="erased").exists()


@pytest.mark.parametrize("broken", BROKEN)
def test_an_extra_file_beside_a_file_of_it_waits(
    settings: Any, monkeypatch: pytest.MonkeyPatch, broken: type
) -> None:
    registration = registration_for(Volume)
    assert registration
    with_extra = replace(registration, extra_files=lambda _rows: ())
    known: dict[Any, Any] = registrations._registrations
    monkeypatch.setitem(known, Volume, with_extra)
    entry = entry_of_third(settings, "pending")
    identity = StorageIdentity.objects.get(alias="attachments").identity
    AuditEntry.objects.filter(pk=entry.pk).update(due_at=timezone.now() + timedelta(days=1))
    row_names = AuditEntry.objects.create(
        storage="attachments", identity=identity, key="s.txt", name=stored("s.txt", "attachments"),
        object_label="library.Volume", object_key="1", recorded_at=timezone.now(),
        due_at=timezone.now(), row_names={"third": ["a.txt"]},
    )  # fmt: skip
    break_third(settings, broken)
    work()
    row_names.refresh_from_db()
    assert (row_names.state, row_names.attempts) == ("pending", 0)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_row_of_another_storage_is_saved_with_a_key_that_it_has_too(
    settings: Any, broken: type
) -> None:
    entry_of_third(settings, "pending")
    break_third(settings, broken)
    Volume.objects.create(text=stored("a.txt", "attachments"))
    assert Volume.objects.get().text.name == "a.txt"
