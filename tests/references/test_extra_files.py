"""Extra files are kept while a row that shares their picture names them as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry, StorageIdentity
from moderation.purge.run import purge_due_files
from moderation.references import extra_files as extra_files_module
from moderation.registry import registration_for, registrations
from moderation.storage import Adapter, adapter_for, write_identity
from tests.helpers import stored
from tests.services.audit_log import unguarded
from tests.testapp.models import Exhibit, Volume
from tests.testapp.models_references import Flyer

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "atlas.png"
SIZES = ("sizes/atlas.png.small", "sizes/atlas.png.large")

Rows = list[Any]


def sizes(rows: Rows) -> Iterable[tuple[Any, str, str]]:
    for row in rows:
        for size in ("small", "large"):
            yield row, "attachments", f"sizes/{row.text.name}.{size}"


@pytest.fixture(autouse=True)
def files(transactional_db: None) -> None:
    write_identity("attachments")
    for name in (NAME, *SIZES):
        storages["attachments"].save(name, ContentFile(b"x"))


def fails_for(bad: Volume) -> Callable[[Rows], Iterable[tuple[Any, str, str]]]:
    """Like `sizes`, but fails for any page with one of the rows."""

    def fail(rows: Rows) -> Iterable[tuple[Any, str, str]]:
        if bad.pk in [row.pk for row in rows]:
            raise KeyError("no such size")
        return sizes(rows)

    return fail


@pytest.fixture
def with_extra_files(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register extra files for one test."""

    def give(**functions: Any) -> None:
        known = dict(registrations._registrations)
        for model in (Volume, Exhibit):
            registration = registration_for(model)
            assert registration
            known[model] = replace(registration, extra_files=functions.get(model.__name__))
        monkeypatch.setattr(registrations, "_registrations", known)

    return give


def volume(name: str = NAME) -> Volume:
    (made,) = Volume.objects.bulk_create([Volume(text=name)])
    return made


def problem() -> str:
    """Return why it is unknown which files of the storage are in use."""
    return StorageIdentity.objects.get(alias="attachments").reference_problem


def purged() -> dict[str, str]:
    """Purge; return the state of each file's last entry. Asserts that the disk agrees."""
    while purge_due_files():
        pass
    states = dict(AuditEntry.objects.order_by("pk").values_list("name", "state"))
    for name, state in states.items():
        assert storages["attachments"].exists(name) == (state != "erased"), name
    return states


def test_extra_files_stay_with_the_picture_that_another_row_shows(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    one, other = volume(), volume()
    one.delete()
    assert purged() == dict.fromkeys((NAME, *SIZES), "in_use")
    because = AuditEntry.objects.get(name=SIZES[0]).in_use_reason
    assert because == f"still used by the extra files of library.Volume {other.pk}"
    other.delete()
    assert purged() == dict.fromkeys((NAME, *SIZES), "erased")
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}


def test_extra_files_that_the_other_row_has_not_are_erased(
    with_extra_files: Callable[..., None],
) -> None:
    kept = volume()
    with_extra_files(Volume=lambda rows: (e for e in sizes(rows) if e[0].pk != kept.pk))
    volume().delete()
    assert purged() == {NAME: "in_use", SIZES[0]: "erased", SIZES[1]: "erased"}


def test_another_registered_model_may_share_picture_and_sizes(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(
        Volume=sizes,
        Exhibit=lambda rows: [(row, "attachments", f"sizes/./{NAME}.small") for row in rows],
    )
    Exhibit.objects.bulk_create([Exhibit(poster=NAME)])
    volume().delete()
    assert purged() == {NAME: "in_use", SIZES[0]: "in_use", SIZES[1]: "erased"}


def test_a_row_that_has_no_extra_files_keeps_none(with_extra_files: Callable[..., None]) -> None:
    with_extra_files(Volume=sizes)
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])
    volume().delete()
    assert purged() == {NAME: "in_use", SIZES[0]: "erased", SIZES[1]: "erased"}


def test_the_picture_is_compared_by_its_real_location(
    with_extra_files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_extra_files(Volume=sizes)
    location = storages["attachments"].path("")
    other = FileSystemStorage(location=location, base_url="/elsewhere/")
    kept = volume()
    volume().delete()
    monkeypatch.setattr(Volume._meta.get_field("text"), "storage", other)
    assert purged() == dict.fromkeys((NAME, *SIZES), "in_use")
    assert Volume.objects.get().pk == kept.pk


def test_a_function_that_fails_keeps_its_files_waiting_and_is_named(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    kept = volume()
    volume().delete()
    with_extra_files(Volume=fails_for(kept))
    assert purged() == {NAME: "in_use", SIZES[0]: "pending", SIZES[1]: "pending"}
    assert problem() == f"extra_files of library.Volume {kept.pk}: 'no such size'"


def test_a_row_for_which_the_function_fails_delays_only_the_files_of_its_own_picture(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    for name in ("gone.png", "kept.png"):
        for each in (name, f"sizes/{name}.small", f"sizes/{name}.large"):
            storages["attachments"].save(each, ContentFile(b"x"))
    bad, _kept = volume(), volume("kept.png")
    for name in (NAME, "gone.png", "kept.png"):
        volume(name).delete()
    with_extra_files(Volume=fails_for(bad))
    assert purged() == {
        NAME: "in_use", SIZES[0]: "pending", SIZES[1]: "pending",
        "gone.png": "erased", "sizes/gone.png.small": "erased", "sizes/gone.png.large": "erased",
        "kept.png": "in_use", "sizes/kept.png.small": "in_use", "sizes/kept.png.large": "in_use",
    }  # fmt: skip


def test_a_storage_of_the_picture_that_cannot_be_created_delays_only_its_files(
    with_extra_files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_extra_files(Volume=sizes)
    volume().delete()
    with unguarded():
        AuditEntry.objects.filter(name=SIZES[0]).update(row_names={"broken": [NAME]})

    def broken(alias: str) -> Adapter:
        if alias == "broken":
            raise OSError("no account")
        return adapter_for(alias)

    monkeypatch.setattr(extra_files_module, "adapter_for", broken)
    assert purged() == {NAME: "erased", SIZES[0]: "pending", SIZES[1]: "erased"}
    assert problem() == "extra_files of library.Volume: no account"


def test_a_problem_stays_until_its_function_is_called_again(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    kept = volume()
    volume().delete()
    with_extra_files(Volume=fails_for(kept))
    purged()
    before = problem()
    assert "no such size" in before
    Exhibit.objects.create(poster=stored("plain.txt", "attachments")).delete()
    assert purged()["plain.txt"] == "erased"
    assert problem() == before
    with_extra_files(Volume=sizes)
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now())
    purged()
    assert problem() == ""


def test_a_picture_that_very_many_rows_share_keeps_its_extra_files(
    with_extra_files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra_files_module, "MAX_ROWS", 2)
    with_extra_files(Volume=sizes)
    gone = volume()
    for _ in range(3):
        volume()
    with_extra_files(Volume=lambda rows: sizes(rows) if len(list(rows)) < 2 else ())
    gone.delete()
    assert purged() == dict.fromkeys((NAME, *SIZES), "in_use")


def test_one_adapter_serves_all_extra_files_of_a_storage(
    with_extra_files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[str] = []

    def counted(alias: str) -> Adapter:
        created.append(alias)
        return adapter_for(alias)

    monkeypatch.setattr(extra_files_module, "adapter_for", counted)
    with_extra_files(Volume=sizes)
    rows = [volume() for _ in range(10)]
    rows[0].delete()
    assert purged() == dict.fromkeys((NAME, *SIZES), "in_use")
    assert created == ["attachments"] * 2  # one for the picture, one for the extra files


def test_the_names_of_the_row_are_recorded_only_for_extra_files(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    volume().delete()
    entries = dict(AuditEntry.objects.values_list("name", "row_names"))
    assert entries == {NAME: None} | {name: {"attachments": [NAME]} for name in SIZES}


def test_a_row_that_names_a_picture_again_is_refused_when_its_sizes_were_erased(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    Flyer.objects.create(sheet=NAME)  # keeps the picture, and knows of no sizes
    volume().delete()
    while purge_due_files():
        pass
    assert not storages["attachments"].exists(SIZES[0])
    with pytest.raises(KeyTaken, match="sizes/atlas"):
        Volume.objects.create(text=NAME)
    assert not Volume.objects.exists()


def test_a_row_that_names_a_picture_in_time_keeps_its_sizes(
    with_extra_files: Callable[..., None],
) -> None:
    with_extra_files(Volume=sizes)
    volume().delete()
    Volume.objects.create(text=NAME)
    AuditEntry.objects.update(due_at=timezone.now())
    while purge_due_files():
        pass
    assert all(storages["attachments"].exists(name) for name in (NAME, *SIZES))
