"""The details of a registration: every type of lookup, extra files, and long keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from moderation import registration
from moderation.models import AuditEntry
from moderation.recording.attribution import DeletionContext
from moderation.recording.entries import write_entries
from moderation.registration import register
from moderation.registry import registration_for, registrations
from moderation.registry.files import StoredFile
from tests.testapp.models import Shelf, Volume, VolumeProxy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Change the volumes' registration for one test."""

    def change(**changes: Any) -> None:
        registration = registration_for(Volume)
        assert registration
        known = dict(registrations._registrations)
        known[Volume] = replace(registration, **changes)
        monkeypatch.setattr(registrations, "_registrations", known)

    return change


def shelf_of(*names: str) -> Shelf:
    shelf = Shelf.objects.create(name="Poetry")
    for name in names:
        Volume.objects.create(text=name, shelf=shelf)
    return shelf


@pytest.mark.parametrize("title", ["pk", "id", lambda rows: [row.pk for row in rows]])
def test_each_row_has_its_own_title(registered: Any, title: Any) -> None:
    registered(lookups={"title": title})
    shelf_of("a.txt", "b.txt").delete()
    entries = AuditEntry.objects.all()
    assert [entry.title for entry in entries] == [entry.object_key for entry in entries]


def test_an_extra_file_without_a_name_is_not_a_file(registered: Any) -> None:
    registered(extra_files=lambda rows: [(row, "attachments", "") for row in rows])
    shelf_of("a.txt").delete()
    assert list(AuditEntry.objects.values_list("name", flat=True)) == ["a.txt"]


def test_a_title_may_be_any_value(registered: Any) -> None:
    registered(lookups={"title": lambda rows: [{"en": "Weeds"} for _ in rows]})
    shelf_of("a.txt").delete()
    assert AuditEntry.objects.get().title == "{'en': 'Weeds'}"


def test_a_long_text_key_is_kept_whole(db: None) -> None:
    key = "k" * 255
    file = StoredFile("library.Volume", key, "text", "attachments", "a.txt")
    write_entries({file: {"parent_key": key}}, DeletionContext(), "default")
    entry = AuditEntry.objects.get()
    assert (entry.object_key, entry.parent_key) == (key, key)


def test_registering_a_proxy_registers_the_model_behind_it(
    registered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered()
    senders: list[type] = []
    monkeypatch.setattr(registration, "connect", senders.append)
    register(VolumeProxy)
    assert {Volume, VolumeProxy} <= set(senders)
