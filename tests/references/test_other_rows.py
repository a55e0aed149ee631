"""Rows that will be deleted do not count as users of their files; all others do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db.models import Q

from moderation.references import other_rows
from moderation.references.other_rows import usage_by_other_rows
from moderation.registry import registration_for, registrations
from moderation.registry.files import StoredFile
from tests.testapp.models import Volume
from tests.testapp.models_references import Flyer

pytestmark = pytest.mark.django_db

NAME = "atlas.pdf"


def volume(name: str = NAME) -> Volume:
    (made,) = Volume.objects.bulk_create([Volume(text=name)])
    return made


def file_of(row: Volume, name: str = NAME, field: str = "text") -> StoredFile:
    return StoredFile("library.Volume", row.pk, field, "attachments", name)


def users(*files: StoredFile, ignored: Any = None) -> dict[str, str]:
    return usage_by_other_rows(files, ignored=ignored or {})["attachments"].users


def test_a_file_that_only_its_owner_uses_is_used_by_no_other_row() -> None:
    assert users(file_of(volume())) == {}


def test_a_file_that_only_its_owners_share_is_used_by_no_other_row() -> None:
    assert users(file_of(volume()), file_of(volume())) == {}


def test_another_row_of_the_same_model_is_found() -> None:
    owner, other = volume(), volume()
    assert users(file_of(owner)) == {NAME: f"library.Volume.text {other.pk}"}


def test_a_row_of_a_model_that_is_not_registered_is_found_though_a_manager_hides_it() -> None:
    owner = volume()
    (flyer,) = Flyer.objects.bulk_create([Flyer(sheet=NAME, is_hidden=True)])
    assert users(file_of(owner)) == {NAME: f"library.Flyer.sheet {flyer.pk}"}


def test_a_row_in_another_spelling_is_found() -> None:
    owner = volume()
    volume(f"./{NAME}")
    assert users(file_of(owner)) == {NAME: "library.Volume.text"}


def test_ignored_rows_do_not_count() -> None:
    owner, ignored, other = volume(), volume(), volume()
    found = users(file_of(owner), ignored={Volume: Q(pk=ignored.pk)})
    assert found == {NAME: f"library.Volume.text {other.pk}"}


def test_a_storage_that_cannot_be_created_leaves_its_files_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def adapter_for(_alias: str) -> None:
        raise ValueError("no such bucket")

    monkeypatch.setattr(other_rows, "adapter_for", adapter_for)
    usage = usage_by_other_rows([file_of(volume())])["attachments"]
    assert usage.unknown == {NAME: "ValueError: no such bucket"}


@pytest.fixture
def with_extra_files(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that lets each volume have an extra file."""

    def sizes(rows: Sequence[Any]) -> Iterable[tuple[Any, str, str]]:
        return ((row, "attachments", f"sizes/{row.text.name}") for row in rows)

    registration = registration_for(Volume)
    assert registration
    known = registrations._registrations | {Volume: replace(registration, extra_files=sizes)}
    return lambda: monkeypatch.setattr(registrations, "_registrations", known)


def test_an_extra_file_that_another_row_has_too_is_found(
    with_extra_files: Callable[[], None],
) -> None:
    with_extra_files()
    owner = volume()
    files = file_of(owner), file_of(owner, f"sizes/{NAME}", field="")
    assert users(*files) == {}
    other = volume()
    assert users(*files) == {
        NAME: f"library.Volume.text {other.pk}",
        f"sizes/{NAME}": f"the extra files of library.Volume {other.pk}",
    }
