"""A file that a saved row no longer names is recorded like that of a deleted row, and purged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.db import transaction

from moderation.models import AuditEntry
from moderation.recording.attribution import DeletionContext, attribute
from moderation.storage import write_identity
from tests.helpers import stored
from tests.recording.conftest import Options
from tests.recording.reusing import purge_all, states, storage
from tests.testapp.defaults import DEFAULT_AVATAR
from tests.testapp.models import Exhibit, Profile, Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


@pytest.fixture(params=[nullcontext, transaction.atomic], ids=["autocommit", "transaction"])
def a_save(request: pytest.FixtureRequest) -> AbstractContextManager[None]:
    """Return a context for one save: autocommit mode, or a transaction."""
    context: AbstractContextManager[None] = request.param()
    return context


def recorded() -> set[tuple[str, str, str, str]]:
    columns = AuditEntry.objects.values_list("object_label", "object_key", "field", "name")
    return {(str(label), str(key), str(field), str(name)) for label, key, field, name in columns}


def test_the_old_file_is_recorded_and_erased(a_save: AbstractContextManager[None]) -> None:
    volume = Volume.objects.create(text=ContentFile(b"old", "old.txt"))
    with a_save:
        volume.text = ContentFile(b"new", "new.txt")
        volume.save()
    assert recorded() == {("library.Volume", str(volume.pk), "text", "old.txt")}
    purge_all()
    assert states("old.txt") == ["erased"]
    assert not storage().exists("old.txt")
    assert storage().exists("new.txt")


def test_a_cleared_file_is_recorded_and_erased(a_save: AbstractContextManager[None]) -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    with a_save:
        volume.text = ""
        volume.save()
    purge_all()
    assert states("old.txt") == ["erased"]
    assert not storage().exists("old.txt")


def test_a_save_that_rolls_back_leaves_no_entry() -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    with transaction.atomic():
        volume.text = "new.txt"
        volume.save()
        transaction.set_rollback(True)
    with transaction.atomic():
        with transaction.atomic():
            volume.save()
            transaction.set_rollback(True)
        Volume.objects.create(text="other.txt")
    assert recorded() == set()
    assert Volume.objects.get(pk=volume.pk).text.name == "old.txt"


def test_a_file_that_another_row_uses_stays() -> None:
    name = stored("old.txt", "attachments")
    volume, other = Volume.objects.create(text=name), Volume.objects.create(text=name)
    volume.text = ""
    volume.save()
    purge_all()
    assert states(name) == ["in_use"]
    other.text = ""
    other.save()
    purge_all()
    assert states(name) == ["erased", "erased"]
    assert not storage().exists(name)


def test_a_file_that_moved_to_another_row_stays(a_save: AbstractContextManager[None]) -> None:
    name = stored("old.txt", "attachments")
    volume = Volume.objects.create(text=name)
    with a_save:
        Volume.objects.create(index=name)
        volume.text = ""
        volume.save()
    purge_all()
    assert states(name) == ["in_use"]
    assert storage().exists(name)


def test_a_file_that_moved_to_another_field_of_its_row_is_not_recorded() -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    volume.text, volume.index = "", "old.txt"
    volume.save()
    assert recorded() == set()


def test_a_name_that_a_row_gets_back_stays(a_save: AbstractContextManager[None]) -> None:
    old, new = (stored(name, "attachments") for name in ("old.txt", "new.txt"))
    volume = Volume.objects.create(text=old)
    with a_save:
        for name in (new, old):
            volume.text = name
            volume.save()
    purge_all()
    assert (states(old), states(new)) == (["in_use"], ["erased"])
    assert storage().exists(old)


def test_another_file_under_the_same_name_is_not_erased(
    settings: Any, a_save: AbstractContextManager[None]
) -> None:
    entry = settings.STORAGES["attachments"]
    overwriting = {**entry, "OPTIONS": {**entry["OPTIONS"], "allow_overwrite": True}}
    settings.STORAGES = {**settings.STORAGES, "attachments": overwriting}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("text", "index"):
            field: Any = Volume._meta.get_field(name)
            patch.setattr(field, "storage", FileSystemStorage(**overwriting["OPTIONS"]))
        volume = Volume.objects.create(text=stored("same.txt", "attachments"))
        with a_save:
            volume.text.save("same.txt", ContentFile(b"second"))
    assert volume.text.name == "same.txt"
    assert recorded() == set()
    purge_all()
    assert storage().exists("same.txt")


def test_a_default_file_is_never_recorded() -> None:
    profile = Profile.objects.create(banner="mine.png")
    profile.avatar = "mine-too.png"
    profile.save()
    profile.avatar = DEFAULT_AVATAR
    profile.banner = ""
    profile.save()
    assert {name for *_, name in recorded()} == {"mine-too.png", "mine.png"}


def test_files_that_no_field_names_go_with_the_file_they_belong_to(options: Options) -> None:
    def renditions(rows: Any) -> Iterator[tuple[Any, str, str]]:
        for row in rows:
            yield row, "attachments", f"of-row-{row.pk}.webp"
            if row.text:
                yield row, "attachments", f"{row.text.name}.webp"

    options(Volume, extra_files=renditions)
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    for name in ("old.txt.webp", f"of-row-{volume.pk}.webp"):
        stored(name, "attachments")
    volume.text = stored("new.txt", "attachments")
    volume.save()
    purge_all()
    found = AuditEntry.objects.values_list("field", "name", "row_names", "state")
    row_names = {"attachments": ["old.txt"]}
    assert set(map(str, found)) == {
        str(("text", "old.txt", None, "erased")),
        str(("", "old.txt.webp", row_names, "erased")),
    }
    assert storage().exists(f"of-row-{volume.pk}.webp")


def test_a_function_for_extra_files_that_fails_does_not_stop_the_save(options: Options) -> None:
    def broken(_rows: Any) -> Iterator[tuple[Any, str, str]]:
        raise ValueError

    options(Volume, extra_files=broken)
    volume = Volume.objects.create(text="old.txt")
    volume.text = ""
    volume.save()
    assert {name for *_, name in recorded()} == {"old.txt"}


@pytest.mark.parametrize("by", ["key", lambda rows: [row.key for row in rows]])
def test_a_file_is_recorded_in_the_storage_that_its_row_chose(
    options: Options, settings: Any, by: Any
) -> None:
    second = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "second": second}
    write_identity("second")
    options(Exhibit, storage=by)
    exhibit = Exhibit.objects.create(key="second", poster=stored("poster.jpg", "second"))
    stored("poster.jpg")
    exhibit.key = "default"
    exhibit.save()
    purge_all()
    entry = AuditEntry.objects.get()
    assert (entry.storage, entry.name, entry.state) == ("second", "poster.jpg", "erased")
    assert storages["default"].exists("poster.jpg")


def test_the_details_are_those_of_the_old_file(options: Options) -> None:
    def lengths(rows: Any) -> list[str]:
        return [f"Profile with {row.avatar.name}" for row in rows]

    options(Profile, lookups={"size": "size", "title": lengths})
    profile = Profile.objects.create(avatar="old.png", size=17)
    profile.avatar, profile.size = "new.png", 25
    profile.save()
    entry = AuditEntry.objects.get()
    assert (entry.size, entry.title) == (17, "Profile with old.png")


def test_the_entry_names_who_saved_the_row(moderator: User) -> None:
    volume = Volume.objects.create(text="old.txt")
    attribute(volume, DeletionContext(actor=moderator.pk, actor_name="mod"))
    volume.text = ""
    volume.save()
    assert AuditEntry.objects.get().actor_name == "mod"


def test_it_can_be_turned_off(options: Options) -> None:
    options(Volume, replaced_files=False)
    volume = Volume.objects.create(text="old.txt")
    volume.text = ""
    volume.save()
    assert recorded() == set()
