"""Imports, restorations and uploads write only to the storage with the expected identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.forms import modelform_factory
from django.test import Client, override_settings
from django.utils.datastructures import MultiValueDict

from moderation.recording import upload_identity
from moderation.storage import WrongStorage, write_identity
from moderation.storage.base import IDENTITY_FILE
from posts.models import Post, PostImage
from posts.storage_identity import verify_storages
from tests.admin.conftest import browser_of
from tests.posts.drawn import a_picture, a_post, drawing
from tests.posts.test_import_posts import GOOD, images, run, written
from tests.posts.test_post_admin import an_upload, errors, form, page_of
from tests.testapp.models import Volume

__all__ = ["images"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("verified_storages"),
]


@pytest.fixture(params=["disk", "s3"])
def each_storage(request: pytest.FixtureRequest) -> None:
    """Run the test on disk and on S3."""
    request.getfixturevalue("fresh_storage" if request.param == "disk" else "s3_storage")


@pytest.fixture
def marked(each_storage: None) -> None:
    """Write the identities of the storages, as an operator does."""
    write_identity("default")
    write_identity("attachments")


@pytest.fixture
def staging(marked: None) -> Iterator[None]:
    """Simulate staging with a copy of the production database and the production storages."""
    with override_settings(ENVIRONMENT="staging"):
        yield


def content(storage: Storage, folder: str = "") -> list[str]:
    """Return every file of a storage except its identity file."""
    if not storage.exists(folder or IDENTITY_FILE):
        return []
    folders, files = storage.listdir(folder)
    found = [f"{folder}/{name}" for name in files if name and name != IDENTITY_FILE]
    return found + [
        each for name in folders for each in content(storage, f"{folder}/{name}".strip("/"))
    ]


def browser() -> Client:
    return browser_of(User.objects.create_superuser("root"))


def send(picture: str) -> None:
    """Add a picture in the admin. Raises WrongStorage with the form's error, without the name."""
    post = a_post()
    response = browser().post(page_of(post), form(post, an_upload(drawing(), picture)))
    if response.status_code != 302:
        (error,) = errors(response)
        assert error.startswith(f"{picture}: ")
        raise WrongStorage(error)


def add_by_form() -> None:
    """Add a volume with a form of an admin. Raises WrongStorage with the form's error."""
    sent: Any = MultiValueDict({"text": [SimpleUploadedFile("volume.txt", b"text")]})
    made = modelform_factory(Volume, fields=["text"])({}, sent)
    if not made.is_valid():
        raise WrongStorage(str(made.errors["text"]))
    made.save()


WAYS: dict[str, Callable[[Path], object]] = {
    "import": lambda at: run(written(at, GOOD), at / "images"),
    "import of good lines": lambda at: run(written(at, GOOD), at / "images", skip_bad=True),
    "restore": lambda _: call_command("restore_fixtures", environment=settings.ENVIRONMENT),
    "form": lambda _: send("me.png"),
    "code": lambda _: a_picture(a_post()),
    "another model": lambda _: Volume.objects.create(text=ContentFile(b"text", "volume.txt")),
    "another model's file": lambda _: Volume().text.save("volume.txt", ContentFile(b"text")),
    "another model's form": lambda _: add_by_form(),
}


@pytest.fixture
def at(tmp_path: Path, images: Path, folder: Path) -> Path:
    """Return a folder with pictures to import and a fixture to restore."""
    return tmp_path


def nothing_is_stored() -> bool:
    rows = PostImage.objects.exists() or Volume.objects.exists()
    return not (rows or content(default_storage) or content(storages["attachments"]))


@pytest.mark.parametrize("way", WAYS)
def test_staging_does_not_write_into_the_storage_of_production(
    way: str, staging: None, at: Path
) -> None:
    with pytest.raises((CommandError, WrongStorage), match="belongs to environment “test”"):
        WAYS[way](at)
    assert nothing_is_stored()


@pytest.mark.parametrize("way", WAYS)
def test_a_storage_that_was_never_marked_takes_nothing_and_the_message_says_what_to_do(
    way: str, at: Path
) -> None:
    with pytest.raises((CommandError, WrongStorage), match=r"Run “manage\.py mark_storage”"):
        WAYS[way](at)
    assert nothing_is_stored()


@pytest.mark.parametrize("way", WAYS)
def test_the_marked_storage_takes_it(way: str, marked: None, at: Path) -> None:
    WAYS[way](at)
    assert not nothing_is_stored()


def test_a_disk_that_is_not_mounted_takes_nothing(marked: None, fresh_storage: Path) -> None:
    upload_identity.forget_verified_storages()
    if (fresh_storage / IDENTITY_FILE).exists():
        (fresh_storage / IDENTITY_FILE).unlink()
    else:
        default_storage.delete(IDENTITY_FILE)
    with pytest.raises(WrongStorage, match="holds no identity file"):
        a_picture(a_post())


def test_the_storages_of_every_model_of_the_content_are_verified(
    marked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify_storages()
    monkeypatch.setitem(apps.get_app_config("posts").models, "volume", Volume)
    storages["attachments"].delete(IDENTITY_FILE)
    upload_identity.forget_verified_storages()
    with pytest.raises(WrongStorage, match="holds no identity file"):
        verify_storages()


def test_a_text_can_be_changed_while_the_storage_is_wrong(staging: None) -> None:
    post = a_post()
    response = browser().post(page_of(post), form(post, title="Another title"))
    assert response.status_code == 302
    assert Post.objects.get().title == "Another title"


def test_the_identity_is_read_once_for_many_uploads(
    marked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = count_reads(monkeypatch)
    post = a_post()
    for _ in range(3):
        a_picture(post)
    assert len(reads) == 1
    monkeypatch.setattr(upload_identity, "TRUSTED_FOR", 0.0)
    a_picture(post)
    assert len(reads) == 2


def test_another_environment_is_noticed_immediately(marked: None) -> None:
    a_picture(a_post())
    with override_settings(ENVIRONMENT="staging"), pytest.raises(WrongStorage):
        a_picture(a_post())


def test_a_form_of_posts_asks_before_its_transaction_begins(
    marked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = count_reads(monkeypatch)
    send("me.png")
    assert reads == [False]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Record each read of an identity file, and whether a transaction was open."""
    reads: list[bool] = []
    verify_identity = upload_identity._verify_identity

    def noted(*args: Any) -> None:
        reads.append(connection.in_atomic_block)
        verify_identity(*args)

    monkeypatch.setattr(upload_identity, "_verify_identity", noted)
    return reads
