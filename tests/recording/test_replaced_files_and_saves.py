"""Replaced files with every way to save a row."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEntry
from moderation.recording.row_locks import BeforeStatement
from tests.recording.reusing import just_after
from tests.testapp.models import (
    Binned,
    BinnedPage,
    BoundVolume,
    Case,
    Exhibit,
    Piece,
    Thread,
    Volume,
    VolumeProxy,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def watches() -> list[object]:
    return [each for each in connection.execute_wrappers if isinstance(each, BeforeStatement)]


def reads_of_rows(act: Callable[[], object], table: str = "library_volume") -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(f'FROM "{table}"' in query["sql"] for query in captured)


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_save_reads_the_row_only_if_it_may_replace_a_file(in_transaction: bool) -> None:
    def saves() -> list[int]:
        new = Volume(text="a.txt")
        with_key = Volume(pk="6a3b3a3e-0d5c-4f6c-9a59-3a7d7a6a1a11", text="b.txt")
        return [
            reads_of_rows(new.save),
            reads_of_rows(lambda: with_key.save(force_insert=True)),
            reads_of_rows(lambda: new.save(update_fields=["shelf"])),
            reads_of_rows(Volume.objects.defer("text", "index").get(pk=new.pk).save),
            reads_of_rows(new.save),
        ]

    if in_transaction:
        with transaction.atomic():
            found = saves()
    else:
        found = saves()
    assert found == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("options", [{"update_fields": ["text"]}, {"force_update": True}, {}])
def test_every_way_to_update_records_the_old_file(options: dict[str, Any]) -> None:
    volume = Volume.objects.create(text="old.txt", index="index.txt")
    volume.text = "new.txt"
    volume.save(**options)
    assert recorded() == ["old.txt"]


def test_only_the_fields_that_are_written_count() -> None:
    volume = Volume.objects.create(text="old.txt", index="index.txt")
    volume.text, volume.index = "new.txt", "other.txt"
    volume.save(update_fields=["index", "shelf_id"])
    assert recorded() == ["index.txt"]


def test_a_row_without_its_fields_or_with_an_old_state_records_what_was_stored() -> None:
    volume = Volume.objects.create(text="1.txt", index="index.txt")
    Volume.objects.filter(pk=volume.pk).update(text="2.txt")
    only = Volume.objects.only("pk").get()
    only.text = "3.txt"
    only.save()
    assert recorded() == ["2.txt"]
    volume.index = ""
    volume.save()
    assert recorded() == ["2.txt", "3.txt", "index.txt"]
    assert Volume.objects.get().text.name == "1.txt"


def test_an_instance_that_was_never_loaded_replaces_the_row() -> None:
    thread = Thread.objects.create(picture="old.jpg")
    Thread(pk=thread.pk, picture="new.jpg").save()
    Thread(pk=thread.pk, picture="newer.jpg").save(force_update=True)
    assert recorded() == ["new.jpg", "old.jpg"]


def test_a_file_in_a_nullable_column_can_be_cleared() -> None:
    case = Case.objects.create(exhibit=Exhibit.objects.create())
    piece = Piece.objects.create(case=case, picture="old.jpg", leaflet="leaflet.txt")
    piece.picture = None
    piece.save()
    assert recorded() == ["old.jpg"]


def test_each_table_of_an_inherited_row_records_its_own_files() -> None:
    bound = BoundVolume.objects.create(text="text.txt", cover="cover.jpg")
    bound.text = bound.cover = "new.txt"
    bound.save()
    found = set(AuditEntry.objects.values_list("object_label", "name"))
    assert found == {("library.Volume", "text.txt"), ("library.BoundVolume", "cover.jpg")}


def test_a_child_that_is_added_to_a_row_replaces_the_file_of_that_row() -> None:
    BinnedPage(binned_ptr=Binned.objects.create(text="old.txt"), text="new.txt").save()
    assert recorded() == ["old.txt"]


def test_a_proxy_records_as_its_model() -> None:
    Volume.objects.create(text="old.txt")
    proxy = VolumeProxy.objects.get()
    proxy.text = ""
    proxy.save()
    assert AuditEntry.objects.get().object_label == "library.Volume"


def test_a_fixture_that_replaces_a_row_records_its_file() -> None:
    volume = Volume.objects.create(text="old.txt")
    bound = BoundVolume.objects.create(text="text.txt", cover="cover.jpg")
    volume.text, bound.text, bound.cover = "new.txt", "not-written.txt", "new.jpg"
    for fixture in serializers.deserialize("json", serializers.serialize("json", [volume, bound])):
        fixture.save()
    assert recorded() == ["cover.jpg", "old.txt"]


def test_a_save_that_fails_records_nothing_and_leaves_nothing_behind() -> None:
    volume = Volume.objects.create(text="old.txt")

    def fail() -> None:
        raise IntegrityError

    volume.text = "new.txt"
    with just_after(pre_save, Volume, fail), pytest.raises(IntegrityError):
        volume.save()
    assert pickle.loads(pickle.dumps(volume)).text.name == "new.txt"  # noqa: S301 - just made
    volume.save()
    assert recorded() == ["old.txt"]
    volume.text = "newer.txt"
    with just_after(pre_save, Volume, fail), pytest.raises(IntegrityError):
        volume.save()
    del volume
    gc.collect()
    assert reads_of_rows(lambda: Volume.objects.update(shelf=None)) == 0
    assert watches() == []
    assert recorded() == ["old.txt"]
