"""Replaced files with every way to save a row, and with two saves of one row at the same time."""

from __future__ import annotations

import asyncio
import gc
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.recording.row_locks import BeforeStatement
from tests.helpers import stored
from tests.recording.reusing import just_after, purge_all, removed, states, storage, too_slow
from tests.recording.test_reused_keys_at_once import elsewhere, on_postgresql
from tests.testapp.models import BoundVolume, Piece, Shelf, Volume, VolumeProxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def reads_of_rows(act: Callable[[], object], table: str = "library_volume") -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(f'FROM "{table}"' in query["sql"] for query in captured)


@contextmanager
def before_upload(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, before the first file is stored."""
    save = FileSystemStorage._save  # type: ignore[attr-defined] # Django's stubs lack it
    acts = [act]

    def acting(self: FileSystemStorage, name: str, content: Any) -> str:
        if acts:
            acts.pop()()
        return str(save(self, name, content))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", acting)
        yield


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_save_reads_the_row_only_if_it_may_replace_a_file(in_transaction: bool) -> None:
    def saves() -> list[int]:
        new = Volume(text="a.txt")
        with_key = Volume(pk="6a3b3a3e-0d5c-4f6c-9a59-3a7d7a6a1a11", text="b.txt")
        return [
            reads_of_rows(new.save),
            reads_of_rows(lambda: with_key.save(force_insert=True)),
            reads_of_rows(lambda: new.save(update_fields=["shelf"])),
            reads_of_rows(Volume.objects.defer("text", "index").get(pk=new.pk).save) - 1,
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
    volume = Volume.objects.create(text="old.txt")
    Volume(pk=volume.pk, text="new.txt").save()
    shelf = Shelf.objects.create()
    assert recorded() == ["old.txt"]
    Volume(pk=volume.pk, text="newer.txt", shelf=shelf).save(force_update=True)
    assert recorded() == ["new.txt", "old.txt"]


def test_a_nullable_column_and_an_expression(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece(picture="old.jpg", leaflet="leaflet.txt")
    piece.picture = None
    piece.save()
    piece.leaflet = F("picture")
    with pytest.raises(IntegrityError):
        piece.save()
    piece.leaflet = F("key")
    piece.save()
    assert recorded() == ["leaflet.txt", "old.jpg"]


@pytest.fixture
def make_piece() -> Callable[..., Piece]:
    from tests.testapp.models import Case, Exhibit

    def make(**files: str) -> Piece:
        case = Case.objects.create(exhibit=Exhibit.objects.create())
        return Piece.objects.create(case=case, **files)

    return make


def test_each_table_of_an_inherited_row_records_its_own_files() -> None:
    bound = BoundVolume.objects.create(text="text.txt", cover="cover.jpg")
    bound.text = bound.cover = "new.txt"
    bound.save()
    found = set(AuditEntry.objects.values_list("object_label", "name"))
    assert found == {("library.Volume", "text.txt"), ("library.BoundVolume", "cover.jpg")}
    BoundVolume(volume_ptr=Volume.objects.create(text="alone.txt"), text="x.txt").save()
    assert "alone.txt" in recorded()


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


def test_an_async_save_records_the_old_file() -> None:
    volume = Volume.objects.create(text="old.txt")
    volume.text = ""
    asyncio.run(volume.asave())
    assert recorded() == ["old.txt"]


def test_a_save_that_fails_records_nothing_and_leaves_nothing_behind() -> None:
    volume = Volume.objects.create(text="old.txt")

    def fail() -> None:
        raise IntegrityError

    volume.text = "new.txt"
    with just_after(pre_save, Volume, fail), pytest.raises(IntegrityError):
        volume.save()
    assert pickle.loads(pickle.dumps(volume)).text.name == "new.txt"  # noqa: S301 - just made
    assert sum(isinstance(w, BeforeStatement) for w in connection.execute_wrappers) == 1
    volume.save()
    assert recorded() == ["old.txt"]
    volume.text = "newer.txt"
    with just_after(pre_save, Volume, fail), pytest.raises(IntegrityError):
        volume.save()
    del volume
    gc.collect()
    assert reads_of_rows(lambda: Volume.objects.update(shelf=None)) == 0
    assert not connection.execute_wrappers
    assert recorded() == ["old.txt"]


def test_a_refused_upload_and_the_file_that_it_was_to_replace() -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    volume.text, volume.index = ContentFile(b"new", "new.txt"), removed("claimed.txt")
    with just_after(pre_save, Volume, too_slow), pytest.raises(KeyTaken):
        volume.save()
    stored_row = Volume.objects.get()
    assert (stored_row.text.name, stored_row.index.name) == ("old.txt", "")
    purge_all()
    assert states("old.txt") == []
    assert states("new.txt") == ["erased"]
    assert storage().exists("old.txt")


@on_postgresql
def test_a_row_is_not_given_back_a_file_that_was_erased_since_it_was_replaced() -> None:
    """Between the commit and the check after it, the replaced file is purged."""
    old, shared = (stored(name, "attachments") for name in ("old.txt", "shared.txt"))
    volume, other = Volume.objects.create(text=old), Volume.objects.create(text=shared)

    @transaction.atomic
    def share_it_while_it_is_purged() -> None:
        transaction.on_commit(lambda: elsewhere(purge_all))
        volume.text = shared
        volume.save()
        elsewhere(lambda: Volume.objects.filter(pk=other.pk).delete())
        elsewhere(purge_all)

    with pytest.raises(KeyTaken):
        share_it_while_it_is_purged()
    assert Volume.objects.get().text.name == ""
    assert (states(old), states(shared)) == (["erased"], ["erased"])


def test_two_uploads_to_one_row_at_the_same_time_lose_no_file() -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    first, second = (Volume.objects.get() for _ in range(2))
    first.text, second.text = ContentFile(b"1", "1.txt"), ContentFile(b"2", "2.txt")
    with before_upload(first.save):
        second.save()
    assert Volume.objects.get().text.name == "2.txt"
    assert recorded() == ["1.txt", "old.txt"]
    volume.refresh_from_db()
    volume.text = ContentFile(b"3", "3.txt")
    other = Volume.objects.get()
    other.text = ContentFile(b"4", "4.txt")
    with just_after_update(other.save):
        volume.save()
    purge_all()
    assert {name for name in ("1.txt", "2.txt", "3.txt", "4.txt") if storage().exists(name)} == {
        Volume.objects.get().text.name
    }


@contextmanager
def just_after_update(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, before our receiver of `post_save`."""
    acts = [act]

    def receiver(**_: Any) -> None:
        if acts:
            acts.pop()()

    receivers = post_save.receivers
    post_save.connect(receiver, sender=Volume)
    post_save.receivers.insert(0, post_save.receivers.pop())
    post_save.sender_receivers_cache.clear()
    try:
        yield
    finally:
        post_save.disconnect(receiver, sender=Volume)
        assert post_save.receivers is receivers


@on_postgresql
def test_in_a_transaction_the_row_is_locked_until_the_commit() -> None:
    volume = Volume.objects.create(text="old.txt")

    def is_free() -> bool:
        with transaction.atomic():
            return Volume.objects.select_for_update(skip_locked=True).exists()

    with transaction.atomic():
        volume.text = ""
        volume.save()
        assert elsewhere(is_free) is False


def test_a_row_saved_in_another_transaction_keeps_a_replaced_file_that_it_names() -> None:
    name = stored("old.txt", "attachments")
    volume = Volume.objects.create(text=name)
    volume.text = ""
    volume.save()
    Volume.objects.create(text=name)
    claim(10)
    purge_all()
    assert states(name) == ["in_use"]
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=removed_and_claimed())


def removed_and_claimed() -> str:
    name = stored("claimed.txt", "attachments")
    volume = Volume.objects.create(text=name)
    volume.text = ""
    volume.save()
    claim(10)
    return name
