"""A row that reuses a key, with every way to save a row and to upload a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection, transaction
from django.db.models.signals import pre_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.recording.upload_identity import verified_for_upload, verify_for_upload
from tests.helpers import stored
from tests.recording.reusing import (
    just_after,
    purge_all,
    removed,
    states,
    storage,
    too_slow,
)
from tests.testapp.models import (
    Binned,
    BinnedPage,
    BoundVolume,
    Volume,
    VolumeProxy,
)
from tests.testapp.storage import ATTACHMENTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


@pytest.mark.parametrize("in_transaction", [False, True])
def test_an_upload_never_gets_the_name_of_a_claimed_key(in_transaction: bool) -> None:
    """The storage has deleted the file, but the outcome is not yet written: the name is free."""
    name = removed("report.pdf")
    claim(10)
    storage().delete(name)
    volume = Volume.objects.create()
    if in_transaction:
        with transaction.atomic():
            volume.text.save("report.pdf", ContentFile(b"new"))
    else:
        volume.text.save("report.pdf", ContentFile(b"new"))
    created = Volume.objects.create(text=ContentFile(b"newer", "report.pdf"))
    names = {Volume.objects.get(pk=each.pk).text.name for each in (volume, created)}
    assert len(names | {name}) == 3
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(hours=1))
    purge_all()
    assert all(storage().exists(each) for each in names)
    assert states(name) == ["erased"]


@pytest.mark.parametrize("in_transaction", [False, True])
def test_an_upload_that_gets_the_name_of_an_erased_file_passes(in_transaction: bool) -> None:
    name = removed("report.pdf")
    purge_all()
    volume = Volume.objects.create()
    with transaction.atomic() if in_transaction else contextmanager(lambda: iter([None]))():
        volume.text.save("report.pdf", ContentFile(b"new"))
    copy = Volume.objects.create(text=name)
    assert Volume.objects.filter(text=name).count() == 2
    copy.delete()
    purge_all()
    assert states(name) == ["erased", "in_use"]
    assert storage().exists(name)


def test_a_file_stored_by_hand_under_an_erased_name_passes_and_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = removed()
    purge_all()
    storage().save(name, ContentFile(b"new"))
    looked_up: list[str] = []
    exists = FileSystemStorage.exists

    def noted(self: FileSystemStorage, requested: str) -> bool:
        looked_up.append(requested)
        return exists(self, requested)

    monkeypatch.setattr(FileSystemStorage, "exists", noted)
    volume = Volume.objects.create(text=name, index=stored_quietly())
    assert looked_up == [name]
    volume.save()
    Volume.objects.create(text="never-seen.txt")
    assert looked_up == [name], "only for an erased key that is new to the row"


def stored_quietly() -> str:
    return "index-that-no-entry-knows.txt"


def test_a_key_erased_before_and_removed_again_since_can_be_named_again() -> None:
    name = removed()
    purge_all()
    Volume.objects.create(text=ContentFile(b"second", name)).delete()
    Volume.objects.create(text=name)
    assert states(name) == ["erased", "in_use"]
    purge_all()
    assert storage().exists(name)


def test_two_rows_and_a_row_that_hands_its_file_on() -> None:
    name = removed()
    first, second = (Volume.objects.create(text=name) for _ in range(2))
    assert states(name) == ["in_use"]
    third = Volume.objects.create(index=name)
    first.text = ""
    first.save()
    second.delete()
    purge_all()
    assert storage().exists(name)
    third.refresh_from_db()
    assert third.index.name == name


def test_one_key_in_both_fields_of_a_row() -> None:
    name = removed()
    Volume.objects.create(text=name, index=f"./{name}")
    assert states(name) == ["in_use"]
    claimed = removed("claimed.txt")
    claim(10)
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=claimed, index=f"./{claimed}")


def test_a_file_replaced_by_one_of_the_same_name() -> None:
    name = stored("same.txt", "attachments")
    volume = Volume.objects.create(text=name)
    volume.text.delete(save=False)
    volume.text.save("same.txt", ContentFile(b"second"))
    assert Volume.objects.get().text.name == name
    assert not AuditEntry.objects.exists()


def test_another_alias_of_the_same_folder_is_the_same_storage() -> None:
    twin = {**ATTACHMENTS, "OPTIONS": {**ATTACHMENTS["OPTIONS"], "base_url": "/other/"}}
    with override_settings(STORAGES={**storages.backends, "twin": twin}):
        name = removed()
        entry = AuditEntry.objects.get()
        entry.pk, entry.storage, entry.leased_until = None, "twin", timezone.now()
        entry.save(force_insert=True)
        with pytest.raises(KeyTaken):
            Volume.objects.create(text=name)


@pytest.mark.parametrize("options", [{"update_fields": ["text"]}, {"force_update": True}, {}])
def test_every_way_to_update_reuses_or_refuses_a_key(options: dict[str, Any]) -> None:
    volume = Volume.objects.create()
    volume.text = removed()
    volume.save(**options)
    assert states(str(volume.text)) == ["in_use"]
    volume.text = removed("second.txt")
    claim(10)
    with pytest.raises(KeyTaken):
        volume.save(**options)
    assert Volume.objects.get().text.name == "text.txt"


def test_fields_that_are_not_written_are_not_checked() -> None:
    volume = Volume.objects.create()
    name = removed()
    claim(10)
    volume.text = name
    volume.save(update_fields=["shelf"])
    deferred = Volume.objects.defer("text", "index").get()
    with CaptureQueriesContext(connection) as captured:
        deferred.save()
    assert not any('"text"' in query["sql"] for query in captured)
    only = Volume.objects.only("pk").get()
    only.text = name
    with pytest.raises(KeyTaken):
        only.save()


def test_a_row_loaded_without_its_file_is_recorded_all_the_same() -> None:
    Volume.objects.create(text=stored("text.txt", "attachments"))
    Volume.objects.only("pk").get().delete()
    Volume.objects.create(text="second.txt")
    Volume.objects.only("pk").delete()
    assert set(AuditEntry.objects.values_list("name", flat=True)) == {"text.txt", "second.txt"}


@pytest.mark.parametrize("model", [BoundVolume, VolumeProxy])
def test_proxies_and_children_of_a_model_reuse_and_refuse_keys_as_it_does(model: Any) -> None:
    name = removed()
    model.objects.create(text=name)
    assert states(name) == ["in_use"]
    claimed = removed("claimed.txt")

    with just_after(pre_save, model, too_slow), pytest.raises(KeyTaken):
        model.objects.create(text=claimed)
    assert Volume.objects.values_list("text", flat=True).get() == name


def test_a_parent_that_was_there_before_stays_when_its_child_is_taken_back() -> None:
    binned = Binned.objects.create(text=stored("mine.txt", "attachments"))
    scan = removed("scan.jpg")

    page = BinnedPage(binned_ptr=binned, text=binned.text.name, scan=scan)
    with just_after(pre_save, BinnedPage, too_slow), pytest.raises(KeyTaken):
        page.save()
    assert Binned.objects.get().text.name == "mine.txt"
    assert not BinnedPage.objects.exists()
    BinnedPage(binned_ptr=binned, text=binned.text.name).save()


@pytest.mark.parametrize("is_verified", [False, True])
@pytest.mark.parametrize("state", ["claimed", "failed"])
def test_an_upload_that_is_the_first_query_of_its_thread_gets_a_free_name(
    state: str, is_verified: bool
) -> None:
    """The identity was verified in the last minute, so that it opens no connection either."""
    name = removed("report.pdf")
    claim(10)
    storage().delete(name)
    if state == "failed":
        AuditEntry.objects.update(state=state, failed_at=timezone.now(), leased_until=None)
    verify_for_upload("attachments")

    def upload() -> tuple[bool, str]:
        is_first = connection.connection is None
        volume = Volume()
        try:
            with verified_for_upload("attachments") if is_verified else nullcontext():
                volume.text.save("report.pdf", ContentFile(b"new"))
        finally:
            connection.close()
        return is_first, str(volume.text.name)

    with ThreadPoolExecutor(1) as pool:
        is_first, chosen = pool.submit(upload).result()
    assert is_first
    assert chosen != name
    assert Volume.objects.get().text.name == chosen
    assert not storage().exists(name), "nothing is left behind"


def test_a_thread_that_stores_files_for_another_one_makes_no_connection() -> None:
    name = removed()
    claim(10)
    field: Any = Volume._meta.get_field("text")

    def choose() -> tuple[str, bool]:
        return field.generate_filename(Volume(), name), connection.connection is None

    with verified_for_upload("attachments"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(copy_context().run, choose).result() == (name, True)
        assert field.generate_filename(Volume(), name) != name
