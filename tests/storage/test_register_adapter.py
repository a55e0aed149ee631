"""A site registers an adapter of its own for a class of storages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import (
    FileSystemStorage,
    InMemoryStorage,
    Storage,
    default_storage,
    storages,
)
from django.core.management import call_command
from django.test import override_settings

from moderation.models import AuditEntry, StorageIdentity
from moderation.purge.run import purge_due_files
from moderation.purge.verify import verify_erased_files
from moderation.storage import (
    IDENTITY_FILE,
    adapter_for,
    register_adapter,
    resolve,
    write_identity,
)
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.generic import GenericAdapter
from moderation.storage.resolve import adapter_for_storage
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.services.s3_gateway import S3Server
from tests.storage.dict_adapter import DictAdapter, DictStorage

EXAMPLE = "tests.storage.dict_adapter"


class ArchiveStorage(DictStorage):
    """A more specific class."""


@pytest.fixture(autouse=True)
def own_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(resolve, "_registered", list(resolve._registered))


@pytest.fixture
def in_memory(fresh_storage: object) -> Iterator[Storage]:
    """Point the default storage to one that the site registered an adapter for."""
    register_adapter(DictStorage, DictAdapter)
    entries = {"default": {"BACKEND": f"{EXAMPLE}.DictStorage"}}
    with override_settings(STORAGES=entries):
        yield storages["default"]


def files(storage: Storage, folder: str = "") -> set[str]:
    folders, names = storage.listdir(folder)
    below = (files(storage, f"{folder}{each}/") for each in folders)
    return {f"{folder}{name}" for name in names}.union(*below)


@pytest.mark.django_db(transaction=True)
def test_a_removal_is_purged_through_the_adapter_of_the_site(
    in_memory: Storage,
    verified_storages: None,
    make_posts: Callable[..., list[Post]],
    moderator: User,
) -> None:
    identity = write_identity("default")
    removed, live = make_posts(2)
    kept = {str(file) for i in live.post_images.all() for file in (i.image, i.thumbnail)}
    in_memory.save("posts/orphan.jpg", ContentFile(b"x"))
    removal = confirmed(drafted([removed], moderator), moderator)
    while purge_due_files():
        pass
    assert set(AuditEntry.objects.values_list("state", "location", "identity")) == {
        ("erased", "dict", identity.identity)
    }
    assert files(in_memory) == kept | {"posts/orphan.jpg", IDENTITY_FILE}
    removal.refresh_from_db()
    assert removal.state == "done"
    assert verify_erased_files()
    assert not AuditEntry.objects.filter(verified_at=None).exists()
    out = StringIO()
    call_command("find_orphans", "--older-than", "0", stdout=out)
    assert "posts/orphan.jpg" in out.getvalue()
    assert not any(name in out.getvalue() for name in kept)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_erased_from_another_storage_than_the_identified_one(
    in_memory: Storage, make_posts: Callable[..., list[Post]], moderator: User
) -> None:
    write_identity("default")
    confirmed(drafted(make_posts(1), moderator), moderator)
    before = files(in_memory)
    in_memory.delete(IDENTITY_FILE)
    purge_due_files()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"pending"}
    assert files(in_memory) == before - {IDENTITY_FILE}
    assert "holds no identity file" in StorageIdentity.objects.get().problem


@pytest.mark.parametrize(
    "registered",
    [
        (DictStorage, DictAdapter),
        (f"{EXAMPLE}.DictStorage", DictAdapter),
        (DictStorage, f"{EXAMPLE}.DictAdapter"),
        (f"{EXAMPLE}.DictStorage", f"{EXAMPLE}.DictAdapter"),
    ],
)
def test_classes_are_named_directly_or_by_their_paths(registered: tuple[Any, Any]) -> None:
    assert type(adapter_for_storage(DictStorage())) is GenericAdapter
    register_adapter(*registered)
    assert type(adapter_for_storage(DictStorage())) is DictAdapter
    assert type(adapter_for_storage(ArchiveStorage())) is DictAdapter
    assert type(adapter_for_storage(InMemoryStorage())) is GenericAdapter


def test_a_path_may_be_the_one_that_a_package_exports() -> None:
    register_adapter("django.core.files.storage.InMemoryStorage", DictAdapter)
    assert type(adapter_for_storage(InMemoryStorage())) is DictAdapter


def test_the_most_specific_class_wins_whatever_the_order() -> None:
    register_adapter(ArchiveStorage, DictAdapter)
    register_adapter(InMemoryStorage, GenericAdapter)
    register_adapter(DictStorage, GenericAdapter)
    assert type(adapter_for_storage(ArchiveStorage())) is DictAdapter


def test_the_last_registration_of_a_class_wins() -> None:
    register_adapter(FileSystemStorage, DictAdapter)
    register_adapter("django.core.files.storage.FileSystemStorage", GenericAdapter)
    assert type(adapter_for("default")) is GenericAdapter


def test_the_default_storage_is_unwrapped(fresh_storage: object) -> None:
    adapter = adapter_for_storage(default_storage)
    assert isinstance(adapter, FileSystemAdapter)
    assert adapter.key_is_root_plus_name


def test_the_default_storage_is_unwrapped_on_s3_too(s3_storage: str, s3_gateway: S3Server) -> None:
    from moderation.storage.s3 import S3Adapter

    assert type(adapter_for_storage(default_storage)) is S3Adapter


def test_an_object_that_is_not_a_storage_is_refused() -> None:
    with pytest.raises(TypeError, match="str does not extend Django's Storage"):
        adapter_for_storage("default")  # type: ignore[arg-type] # what a mistake looks like
