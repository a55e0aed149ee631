"""find_orphans lists the files that nothing refers to, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from moderation.models import AuditEntry
from moderation.purge import orphans as module
from moderation.registry import registration_for, registrations
from moderation.storage import IDENTITY_FILE, write_identity
from posts.models import Post
from tests.testapp.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)


def listed(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("find_orphans", *arguments, stdout=out)
    return [line.split("  ")[1] for line in out.getvalue().splitlines()[:-1]]


@pytest.fixture(params=["disk", "s3"])
def storage(request: pytest.FixtureRequest) -> None:
    if request.param == "s3":
        request.getfixturevalue("s3_storage")


def test_the_file_of_a_killed_upload_is_listed_and_files_of_rows_and_entries_are_not(
    storage: None,
    make_posts: Callable[..., list[Post]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    write_identity("default")
    _live, deleted, failed = make_posts(3)
    failed.delete()
    AuditEntry.objects.update(state="failed")
    deleted.delete()
    for name in ("posts/2026/11/lost.jpg", "elsewhere/lost.jpg"):
        storages["default"].save(name, ContentFile(b"x"))
    assert listed("--older-than", "0") == ["elsewhere/lost.jpg", "posts/2026/11/lost.jpg"]
    assert listed("--older-than", "0", "--prefix", "posts/") == ["posts/2026/11/lost.jpg"]
    assert listed() == []  # it may belong to an upload that is still running


def test_a_file_that_exists_again_after_it_was_erased_is_listed(
    make_posts: Callable[..., list[Post]],
) -> None:
    make_posts(1, images=1)[0].delete()
    AuditEntry.objects.update(state="erased")
    assert len(listed("--older-than", "0")) == 2


def test_the_identity_file_of_a_storage_inside_another_is_not_listed() -> None:
    for name in (IDENTITY_FILE, "lost.jpg"):
        storages["default"].save(f"inner/{name}", ContentFile(b"x"))
    assert listed("--older-than", "0") == ["inner/lost.jpg"]


def test_an_extra_file_of_a_live_row_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    registration = registration_for(Volume)
    assert registration
    with_sizes = replace(
        registration,
        extra_files=lambda rows: [(row, "attachments", f"./small/{row.text.name}") for row in rows],
    )
    known = registrations._registrations | {Volume: with_sizes}
    monkeypatch.setattr(registrations, "_registrations", known)
    for name in ("a.png", "small/a.png", "small/b.png"):
        storages["attachments"].save(name, ContentFile(b"x"))
    Volume.objects.create(text="a.png")
    assert listed("attachments", "--older-than", "0") == ["small/b.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "STORAGES"), (["--prefix", "no/such"], "no/such does not exist")],
)
def test_a_storage_or_folder_that_cannot_be_listed_is_named(
    arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("find_orphans", *arguments)
