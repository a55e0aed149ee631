"""System checks of models that the purge cannot search for files in use."""

from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps

from moderation.checks import references, registered_models
from moderation.references.search import fields_in_storage
from tests.testapp.models import Volume
from tests.testapp.models_references import Flyer
from tests.testapp.storage import ATTACHMENTS


def test_the_location_of_every_field_of_this_site_is_known() -> None:
    assert references.check_storage_locations() == []


@pytest.mark.parametrize("storage", [Storage(), InMemoryStorage(location="/elsewhere")])
def test_w013_names_an_unregistered_field_whose_storage_is_unknown(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Flyer._meta.get_field("sheet"), "storage", storage)
    (warning,) = references.check_storage_locations()
    assert (warning.id, warning.obj) == ("moderation.W013", Flyer._meta.get_field("sheet"))
    assert warning.hint


def test_w013_leaves_a_registered_field_to_e001(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Volume._meta.get_field("text"), "storage", Storage())
    assert references.check_storage_locations() == []
    assert [error.id for error in registered_models.check_storages()] == ["moderation.E001"]


def test_the_location_of_another_type_of_storage_is_known_by_its_alias(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with override_settings(STORAGES={"default": in_memory, "attachments": ATTACHMENTS}):
        assert references.check_storage_locations() == []


@isolate_apps("tests.testapp")
def test_w005_needs_an_index_for_prefixes_too() -> None:
    class Loose(models.Model):
        one = models.FileField()
        other = models.FileField()

        class Meta:
            app_label = "library"
            indexes = [
                models.Index(fields=["one"], name="loose_one"),
                models.Index(
                    fields=["other"], name="loose_other", opclasses=["varchar_pattern_ops"]
                ),
            ]

    indexed = [
        registered_models._is_indexed(Loose, field) for field in Loose._meta.local_fields[1:]
    ]
    assert indexed == [connection.vendor == "sqlite", True]


def test_a_field_is_searched_for_a_storage_with_the_same_location(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sheet = Flyer._meta.get_field("sheet")
    assert (Flyer, sheet) in fields_in_storage("attachments")
    assert (Flyer, sheet) not in fields_in_storage("default")
    location = ATTACHMENTS["OPTIONS"]["location"]
    monkeypatch.setattr(sheet, "storage", FileSystemStorage(location=f"{location}/below"))
    assert (Flyer, sheet) in fields_in_storage("attachments")
    monkeypatch.setattr(sheet, "storage", FileSystemStorage(location=f"{location}2"))
    assert (Flyer, sheet) not in fields_in_storage("attachments")


@pytest.mark.django_db
def test_every_model_of_this_site_can_be_searched() -> None:
    for check in references.DATABASE_CHECKS:
        assert check(databases=["default"]) == []
        assert check() == []
