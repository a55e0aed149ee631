"""Each system check finds what it was made for, and says nothing about the site as it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from moderation.checks import file_fields, registered_models
from moderation.registry import Registration, own_file_fields, registrations
from posts.models import PostImage
from tests.testapp.storage import ATTACHMENTS


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> dict[type[models.Model], Registration]:
    """A registry of its own, so that an ill-made model is forgotten again."""
    own: dict[type[models.Model], Registration] = {}
    monkeypatch.setattr(registrations, "_registrations", own)
    return own


def put(own: dict[type[models.Model], Registration], model: type[models.Model]) -> None:
    own[model] = Registration(model, {}, "", "", None)


def ids(messages: list[CheckMessage]) -> list[str]:
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_the_site_itself_passes_all_checks() -> None:
    """The theme's and the tests' own models are made to be found."""
    of_the_code = (*registered_models.MODEL_CHECKS, *file_fields.MODEL_CHECKS)
    found = [message for check in of_the_code for message in check()]
    others = ("admin_interface.", "library.")
    assert [message for message in found if not str(message.obj).startswith(others)] == []


@isolate_apps("tests.testapp")
def test_e001_a_storage_that_is_not_in_storages(
    registered: dict[type[models.Model], Registration],
) -> None:
    class Stray(models.Model):
        file = models.FileField(storage=FileSystemStorage(location="/nowhere"))

        class Meta:
            app_label = "library"

    put(registered, Stray)
    assert ids(registered_models.check_storages()) == ["moderation.E001"]


@isolate_apps("tests.testapp")
def test_e002_a_child_that_the_database_deletes(
    registered: dict[type[models.Model], Registration],
) -> None:
    class Owner(models.Model):
        class Meta:
            app_label = "library"

    class Child(models.Model):
        owner = models.ForeignKey(Owner, on_delete=models.CASCADE)
        file = models.FileField()

        class Meta:
            app_label = "library"

    put(registered, Child)
    assert ids(registered_models.check_database_cascades()) == []
    # As Django 6.1's DB_CASCADE looks; this version has none.
    owner: Any = Child._meta.get_field("owner")
    owner.remote_field.on_delete = SimpleNamespace(operation="CASCADE")
    assert ids(registered_models.check_database_cascades()) == ["moderation.E002"]


def test_e003_a_storage_that_overwrites() -> None:
    overwriting = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": "b", "file_overwrite": True},
    }
    with override_settings(STORAGES={"default": overwriting, "attachments": ATTACHMENTS}):
        assert ids(registered_models.check_overwriting()) == ["moderation.E003"]


class Elsewhere:
    """A router that sends posts to another database."""

    def db_for_write(self, model: type[models.Model], **_: object) -> str | None:
        return "other" if model._meta.app_label == "posts" else None


@override_settings(DATABASE_ROUTERS=["tests.checks.test_registered_models.Elsewhere"])
def test_e004_a_model_in_another_database_than_the_log() -> None:
    assert ids(registered_models.check_database()) == ["moderation.E004"]


@isolate_apps("tests.testapp")
def test_w005_a_file_field_without_an_index(
    registered: dict[type[models.Model], Registration], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(models.Model):
        file = models.FileField()
        other = models.FileField(db_index=True)

        class Meta:
            app_label = "library"

    put(registered, Plain)
    fields = [(Plain, field) for field in own_file_fields(Plain)]
    monkeypatch.setattr(registered_models, "fields_in_storage", lambda _: iter(fields))
    monkeypatch.setattr(registered_models, "storage_aliases", lambda _models: {"default"})
    (warning,) = registered_models.check_indexes()
    assert ids([warning]) == ["moderation.W005"]
    assert "Plain.file" in warning.msg


@pytest.mark.parametrize("accepted", [[], ["library.Forgotten"]])
@isolate_apps("tests.testapp")
def test_w009_a_file_field_that_nobody_registered(
    accepted: list[str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    class Forgotten(models.Model):
        file = models.FileField()

        class Meta:
            app_label = "library"

    class Empty(models.Model):
        class Meta:
            app_label = "library"

    monkeypatch.setattr(apps, "get_models", lambda: [Forgotten, Empty, PostImage])
    settings.MODERATION_UNREGISTERED = accepted
    found = file_fields.check_unregistered()
    assert ids(found) == ([] if accepted else ["moderation.W009"])
    assert all("library.Forgotten" in message.msg for message in found)


@isolate_apps("tests.testapp")
def test_w006_size_columns_that_may_be_null(
    registered: dict[type[models.Model], Registration],
) -> None:
    class Photo(models.Model):
        width = models.IntegerField(null=True)
        height = models.IntegerField(default=0)
        file = models.ImageField(width_field="width", height_field="height")

        class Meta:
            app_label = "library"

    put(registered, Photo)
    assert ids(registered_models.check_measured_columns()) == ["moderation.W006"]


def test_e008_an_invalid_lookup(
    registered: dict[type[models.Model], Registration],
) -> None:
    registered[PostImage] = Registration(PostImage, {"title": "post__headline"}, "", "", None)
    (error,) = registered_models.check_lookups()
    assert ids([error]) == ["moderation.E008"]
    assert "headline" in error.msg


class Replica:
    """A router that reads everything from a copy."""

    def db_for_read(self, *_: object, **__: object) -> str:
        return "replica"


@override_settings(DATABASE_ROUTERS=["tests.checks.test_registered_models.Replica"])
def test_e004_a_log_that_is_read_from_a_copy() -> None:
    assert ids(registered_models.check_database()) == ["moderation.E004"]
