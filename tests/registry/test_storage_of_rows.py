"""A row may choose the storage of its files: the log names it, and the purge erases there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.db import transaction
from django.db.models.fields.files import FieldFile, ImageFieldFile

from moderation.cascade import make_plan
from moderation.checks.file_fields import check_storages_of_rows
from moderation.checks.registered_models import check_storages
from moderation.models import AuditEntry, Removal, StorageIdentity
from moderation.purge.run import purge_due_files
from moderation.registry import alias_of, caches, registration_for, registrations
from moderation.registry.storages import StorageOf
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from moderation.storage import write_identity
from tests.testapp.models import Exhibit, Piece

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

POSTER = Exhibit._meta.get_field("poster")
Choose = Callable[[StorageOf], None]


def by_key(rows: Sequence[Any]) -> list[str]:
    """Return the alias in each row's column."""
    return [row.key for row in rows]


def as_mapping(rows: Sequence[Any]) -> list[dict[str, str]]:
    """Return the same by field; a missing field uses its own storage."""
    return [{"poster": row.key} if row.key else {} for row in rows]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Choose]:
    """Return a function that registers exhibits with `storage=`."""

    known: dict[Any, Any] = registrations._registrations

    def register(storage: StorageOf) -> None:
        found = registration_for(Exhibit)
        assert found
        monkeypatch.setitem(known, Exhibit, replace(found, storage=storage))
        caches.clear()

    yield register
    caches.clear()


@pytest.fixture
def exhibits(settings: Any) -> list[Exhibit]:
    """Return two exhibits whose posters have one name in two storages, not the field's own."""
    second = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "second": second}
    write_identity("second")
    for alias in ("default", "second"):
        storages[alias].save("poster.jpg", ContentFile(alias.encode()))
    return Exhibit.objects.bulk_create(
        Exhibit(poster="poster.jpg", key=alias) for alias in ("default", "second")
    )


@pytest.mark.parametrize("storage", [by_key, as_mapping, "key"])
def test_each_file_is_recorded_and_erased_where_it_is(
    choose: Choose, exhibits: list[Exhibit], storage: StorageOf
) -> None:
    choose(storage)
    assert [alias_of(row, POSTER) for row in exhibits] == ["default", "second"]
    exhibits[0].delete()
    while purge_due_files():
        pass
    assert list(AuditEntry.objects.values_list("storage", "state")) == [("default", "erased")]
    assert not default_storage.exists("poster.jpg")
    assert storages["second"].exists("poster.jpg")


def shared_in_second(count: int = 2) -> list[Exhibit]:
    """Exhibits that name one file of the second storage."""
    return Exhibit.objects.bulk_create(
        Exhibit(poster="shared.jpg", key="second") for _ in range(count)
    )


def state_after_deleting(row: Exhibit) -> str:
    """Store the shared file, delete a row, purge; return its entry's state."""
    storages["second"].save("shared.jpg", ContentFile(b"shared"))
    row.delete()
    while purge_due_files():
        pass
    state = AuditEntry.objects.get(name="shared.jpg").state
    assert storages["second"].exists("shared.jpg") == (state == "in_use")
    return str(state)


@pytest.mark.parametrize("storage", [by_key, as_mapping, "key"])
@pytest.mark.usefixtures("exhibits")
def test_a_file_that_another_row_has_in_the_same_storage_is_in_use(
    choose: Choose, storage: StorageOf
) -> None:
    choose(storage)
    assert state_after_deleting(shared_in_second()[0]) == "in_use"


@pytest.mark.usefixtures("exhibits")
def test_a_row_with_that_name_elsewhere_uses_another_file(choose: Choose) -> None:
    choose(by_key)
    Exhibit.objects.create(poster="shared.jpg", key="default")
    assert state_after_deleting(shared_in_second(1)[0]) == "erased"


@pytest.mark.parametrize("spelled", ["./shared.jpg", "shared.jpg"])
@pytest.mark.usefixtures("exhibits")
def test_a_row_whose_storage_is_unknown_may_use_the_file(choose: Choose, spelled: str) -> None:
    choose(by_key)
    Exhibit.objects.bulk_create([Exhibit(poster=spelled, key="sold")])
    assert state_after_deleting(shared_in_second(1)[0]) == "in_use"


@pytest.mark.usefixtures("exhibits")
def test_a_row_for_which_the_function_fails_delays_only_its_own_file(choose: Choose) -> None:
    choose(by_key)
    for name in ("bad.jpg", "good.jpg"):
        storages["second"].save(name, ContentFile(b"x"))
        Exhibit.objects.bulk_create([Exhibit(poster=name, key="second")])
    Exhibit.objects.filter(poster__in=["bad.jpg", "good.jpg"]).delete()
    Exhibit.objects.bulk_create([Exhibit(poster="bad.jpg", key="broken")])

    def fail(rows: Sequence[Any]) -> list[str]:
        if "broken" in by_key(rows):
            raise KeyError("no tenant")
        return by_key(rows)

    choose(fail)
    while purge_due_files():
        pass
    states = dict(AuditEntry.objects.values_list("name", "state"))
    assert states == {"bad.jpg": "pending", "good.jpg": "erased"}
    problem = StorageIdentity.objects.get(alias="second").reference_problem
    assert problem == "library.Exhibit.poster: 'no tenant'"


@pytest.mark.usefixtures("exhibits")
def test_where_very_many_rows_share_a_name_all_of_them_count(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.references.queries.MAX_ROWS", 2)
    choose(by_key)
    assert state_after_deleting(shared_in_second(5)[0]) == "in_use"


@pytest.mark.usefixtures("exhibits")
def test_an_upload_keeps_away_from_a_key_of_the_storage_that_the_row_chooses(
    choose: Choose,
) -> None:
    choose(by_key)
    storages["second"].delete("poster.jpg")
    Exhibit.objects.get(key="second").delete()
    upload = Exhibit(key="second")
    chosen = POSTER.generate_filename(upload, "poster.jpg")
    assert chosen != "poster.jpg"
    elsewhere = POSTER.generate_filename(Exhibit(key=""), "poster.jpg")
    assert elsewhere != chosen


def removal_of(rows: list[Exhibit], moderator: User) -> Removal:
    selected = Exhibit.objects.filter(pk__in=[row.pk for row in rows])
    return freeze(selected, actor=moderator, permissions=[])


def confirmed(removal: Removal, moderator: User) -> bool:
    """Confirm a removal; return whether nothing had changed."""
    difference = confirm(
        removal, actor=moderator, seal=removal.seal, reason="spam", typed_count="2"
    )
    return not difference


def test_preview_and_deletion_agree_on_the_storages(
    choose: Choose, exhibits: list[Exhibit], moderator: User
) -> None:
    choose(by_key)
    removal = removal_of(exhibits, moderator)
    assert removal.files_total == 2
    plan = make_plan(Exhibit, [row.pk for row in exhibits], using="default", limit=100)
    assert {file.storage for file in plan.files} == {"default", "second"}
    assert confirmed(removal, moderator)
    while purge_due_files():
        pass
    entries = AuditEntry.objects.filter(removal=removal).order_by("storage")
    assert list(entries.values_list("storage", "state")) == [
        ("default", "erased"),
        ("second", "erased"),
    ]


def test_a_file_that_moved_to_another_storage_differs_from_the_preview(
    choose: Choose, exhibits: list[Exhibit], moderator: User
) -> None:
    choose(by_key)
    removal = removal_of(exhibits, moderator)
    Exhibit.objects.filter(pk=exhibits[0].pk).update(key="second")
    assert not confirmed(removal, moderator)
    assert Exhibit.objects.count() == 2


def test_an_alias_that_is_not_in_storages_is_refused_before_anything_is_lost(
    choose: Choose, exhibits: list[Exhibit]
) -> None:
    choose(lambda rows: ["sold"] * len(rows))
    with pytest.raises(ImproperlyConfigured, match="sold"), transaction.atomic():
        exhibits[0].delete()
    assert Exhibit.objects.count() == 2


class ChoosingFile(FieldFile):
    """Like the class of an app that chooses the storage by the row."""

    def __init__(self, instance: Any, field: Any, name: str | None) -> None:
        super().__init__(instance, field, name)
        self.storage = storages["second"]


class MeasuredFile(ImageFieldFile):
    """Like Wagtail's class, which measures pictures in its own way."""

    def _get_image_dimensions(self) -> tuple[int, int]:
        return 1, 1


def test_w012_a_file_class_of_another_app_s(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_storages_of_rows() == []
    monkeypatch.setattr(POSTER, "attr_class", ChoosingFile)
    (warning,) = check_storages_of_rows()
    assert warning.id == "moderation.W012"
    assert "The files of library.Exhibit.poster are ChoosingFile" in warning.msg
    choose(by_key)
    assert check_storages_of_rows() == []
    assert check_storages() == []


def test_w012_does_not_report_a_file_class_that_leaves_the_storage_alone(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (FieldFile, ImageFieldFile, MeasuredFile):
        monkeypatch.setattr(POSTER, "attr_class", each)
        assert check_storages_of_rows() == []


def test_a_field_that_a_row_does_not_choose_uses_its_own_storage(choose: Choose) -> None:
    choose(as_mapping)
    assert alias_of(Exhibit(poster="x"), POSTER) == "attachments"


def test_rows_of_other_models_use_the_storage_of_the_field() -> None:
    piece = registration_for(Piece)
    assert piece
    assert piece.storage is None
    assert piece.alias_of(Piece(), piece.fields[0]) == "attachments"
