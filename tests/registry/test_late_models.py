"""Models that are declared after registration, like a proxy in an `admin.py`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, models

from moderation import registration
from moderation.cascade.relations import reached_from, relations_of
from moderation.cascade.tree import branches_of
from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.registration import register
from moderation.registry import caches, registration_for, registrations
from tests.helpers import stored
from tests.testapp.models import Exhibit, Volume
from tests.testapp.storage import attachments

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the models that a test declares, and their tables."""
    before = dict(apps.all_models["library"])
    monkeypatch.setattr(registrations, "_registrations", dict(registrations._registrations))
    monkeypatch.setattr(registration, "_calls", dict(registration._calls))
    yield
    for name in set(apps.all_models["library"]) - set(before):
        del apps.all_models["library"][name]
    apps.clear_cache()
    caches.clear()
    gc.collect()


def meta(**options: Any) -> type:
    return type("Meta", (), {"app_label": "library", **options})


def declare(name: str, *bases: type[models.Model], **attributes: Any) -> Any:
    """Declare a model at run time."""
    return type(name, bases, {"__module__": __name__, **attributes})


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def assert_refused(model: Any) -> None:
    name = stored("claimed.txt", "attachments")
    Volume.objects.create(text=name).delete()
    claim(10)
    with pytest.raises(KeyTaken):
        model(text=name).save()


def test_a_late_proxy_is_as_its_model(declared: None) -> None:
    late = declare("LateProxy", Volume, Meta=meta(proxy=True))
    assert registration_for(late)
    row = late.objects.create(text=stored("one.txt", "attachments"))
    late.objects.filter(pk=row.pk).delete()
    late.objects.create(text=stored("two.txt", "attachments")).delete()
    assert recorded() == ["one.txt", "two.txt"]
    assert_refused(late)


def test_a_late_proxy_of_a_late_proxy(declared: None) -> None:
    late = declare("LateProxy", Volume, Meta=meta(proxy=True))
    later = declare("LaterProxy", late, Meta=meta(proxy=True))
    later.objects.create(text=stored("one.txt", "attachments"))
    later.objects.all().delete()
    assert recorded() == ["one.txt"]
    assert_refused(later)


def test_a_late_subclass_with_a_file_of_its_own(declared: None) -> None:
    assert len(relations_of(Volume)) == len(relations_of(Volume))  # cached from here on
    reached_from(Volume)
    late = declare(
        "LateVolume",
        Volume,
        sleeve=models.FileField(storage=attachments, blank=True, db_index=True),
        Meta=meta(),
    )
    assert late in reached_from(Volume)
    with connection.schema_editor() as editor:
        editor.create_model(late)
    try:
        row = late.objects.create(
            text=stored("one.txt", "attachments"), sleeve=stored("sleeve.jpg", "attachments")
        )
        Volume.objects.get(pk=row.pk).delete()
        assert recorded() == ["one.txt", "sleeve.jpg"]
        assert_refused(late)
        late.objects.create(sleeve=ContentFile(b"x", "up.jpg"))
    finally:
        late.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.delete_model(late)


def test_what_is_derived_late_from_a_registered_abstract_model(declared: None) -> None:
    base = declare(
        "LateBase",
        models.Model,
        file=models.FileField(storage=attachments, blank=True, db_index=True),
        Meta=meta(abstract=True),
    )
    register(base)
    late = declare("LateChild", base, Meta=meta())
    registration = registration_for(late)
    assert registration
    assert [field.name for field in registration.fields] == ["file"]
    with connection.schema_editor() as editor:
        editor.create_model(late)
    try:
        late.objects.create(file=stored("one.txt", "attachments")).delete()
        assert recorded() == ["one.txt"]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(late)


def test_a_late_model_that_refers_to_others_is_part_of_their_cascade(declared: None) -> None:
    before = branches_of(Exhibit)
    assert before
    late = declare(
        "LateGuest",
        models.Model,
        exhibit=models.ForeignKey(Exhibit, on_delete=models.CASCADE, related_name="+"),
        Meta=meta(),
    )
    after = branches_of(Exhibit)
    assert after
    assert [branch.model for branch in after if branch not in before] == [late]


def test_a_model_that_is_not_registered_stays_so(declared: None) -> None:
    late = declare("LateStranger", models.Model, Meta=meta())
    assert registration_for(late) is None


def test_registering_before_the_models_are_loaded(
    declared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example in a module that a models.py imports."""
    base = declare(
        "EarlyBase", models.Model, file=models.FileField(storage=attachments), Meta=meta()
    )
    monkeypatch.setattr(apps, "models_ready", False)
    register(base)
    monkeypatch.setattr(apps, "models_ready", True)
    assert registration_for(declare("EarlyProxy", base, Meta=meta(proxy=True)))
