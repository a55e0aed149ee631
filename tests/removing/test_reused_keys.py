"""A row that names a key again, step by step: what happens where a save fails or comes too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.core.serializers import deserialize, serialize
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import post_save, pre_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.errors import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.batch import purge_batch
from moderation.purge.claim import claim
from moderation.removal.delete import delete_next_slice
from posts.models import Post, PostImage
from tests.library.models import (
    Binned,
    BinnedPage,
    BoundVolume,
    Exhibit,
    Piece,
    Shelf,
    Volume,
    VolumeProxy,
)
from tests.library.storage import ATTACHMENTS
from tests.removing.conftest import confirmed, drafted, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]


def storage() -> Any:
    return storages["attachments"]


def removed(name: str = "text.txt") -> str:
    """A file whose row was deleted, and that waits for the purge."""
    found = stored(name, "attachments")
    Volume.objects.create(text=found).delete()
    return found


def purge_all() -> None:
    while purge_batch():
        pass


def when_due() -> None:
    """Let the reservations lapse."""
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now() - timedelta(minutes=2))


def states(name: str) -> list[str]:
    return list(AuditEntry.objects.filter(name=name).order_by("pk").values_list("state", flat=True))


@contextmanager
def just_after(signal: Any, sender: Any, act: Callable[[], object]) -> Iterator[None]:
    """Have something happen once when a row is about to be written, or is, after ours."""
    acts = [act]

    def receiver(**_: Any) -> None:
        if acts:
            acts.pop()()

    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


def test_a_stale_row_whose_insert_fails_leaves_its_file_to_the_purge(
    moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(1, images=1)
    stale = PostImage.objects.get()
    removal = confirmed(drafted(posts, moderator), moderator)
    delete_next_slice(removal.pk)
    with pytest.raises(IntegrityError):
        stale.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"pending"}
    when_due()
    purge_all()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}
    assert not storages["default"].exists(str(stale.image.name))


def test_a_reserved_key_is_left_alone_for_a_minute() -> None:
    name = removed()
    before = timezone.now()
    seen: list[Any] = []
    with just_after(pre_save, Volume, lambda: seen.append(claim(10))):
        Volume.objects.create(text=name)
    assert seen == [None]
    entry = AuditEntry.objects.get()
    assert entry.state == "kept"
    assert entry.due_at >= before + timedelta(minutes=1)


def test_a_row_whose_key_was_claimed_before_it_was_written_is_deleted_again() -> None:
    name = removed()

    def too_slow() -> None:
        when_due()
        assert claim(10)

    volume = Volume(text=name)
    with just_after(pre_save, Volume, too_slow), pytest.raises(KeyTaken):
        volume.save()
    assert not Volume.objects.exists()
    assert volume._state.adding
    AuditEntry.objects.update(leased_until=None)
    purge_all()
    assert set(states(name)) == {"erased"}


def test_a_key_removed_and_claimed_between_the_first_look_and_the_insert() -> None:
    """There was no entry to reserve: the other row was alive."""
    name = stored("shared.txt", "attachments")
    other = Volume.objects.create(text=name)

    def remove() -> None:
        other.delete()
        assert claim(10)

    with just_after(pre_save, Volume, remove), pytest.raises(KeyTaken):
        Volume.objects.create(text=name)
    assert not Volume.objects.exists()


def test_an_update_to_a_key_that_is_claimed_meanwhile_gets_the_former_name_back() -> None:
    old = stored("old.txt", "attachments")
    volume = Volume.objects.create(text=old)
    volume.text = removed()
    volume.index = ContentFile(b"uploaded in the same save", "index.txt")

    def too_slow() -> None:
        when_due()
        assert claim(10)

    with just_after(pre_save, Volume, too_slow), pytest.raises(KeyTaken):
        volume.save()
    assert Volume.objects.values_list("text", "index").get() == (old, "")
    assert states("index.txt") == ["pending"], "the upload does not stay behind"
    AuditEntry.objects.update(leased_until=None)
    purge_all()
    assert storage().exists(old)
    assert not storage().exists("index.txt")


def test_an_update_whose_former_name_nobody_knows_names_no_file() -> None:
    name = stored("shared.txt", "attachments")
    other, volume = Volume.objects.create(text=name), Volume.objects.create(text="old.txt")

    def remove() -> None:
        other.delete()
        assert claim(10)

    volume.text = name
    with just_after(pre_save, Volume, remove), pytest.raises(KeyTaken):
        volume.save()
    assert Volume.objects.values_list("text", flat=True).get() == ""


def name_and_fail(name: str) -> None:
    Volume.objects.create(text=name)
    raise IntegrityError("later")


def test_a_transaction_that_rolls_back_keeps_nothing() -> None:
    name = removed()
    with pytest.raises(IntegrityError), transaction.atomic():
        name_and_fail(name)
    assert states(name) == ["pending"]
    purge_all()
    assert states(name) == ["erased"]


def test_a_savepoint_that_rolls_back_keeps_nothing() -> None:
    name, other = removed(), removed("other.txt")
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            name_and_fail(name)
        Volume.objects.create(text=other)
    assert (states(name), states(other)) == (["pending"], ["kept"])
    purge_all()
    assert (states(name), states(other)) == (["erased"], ["kept"])


def test_a_refusal_caught_inside_a_transaction_leaves_no_row() -> None:
    name = removed()
    claim(10)
    with transaction.atomic():
        with pytest.raises(KeyTaken):
            Volume.objects.create(text=name)
        Volume.objects.create(text=stored("good.txt", "attachments"))
    assert Volume.objects.values_list("text", flat=True).get() == "good.txt"


@pytest.mark.parametrize("in_transaction", [False, True])
def test_an_upload_never_gets_the_name_of_a_claimed_key(in_transaction: bool) -> None:
    """The storage has obeyed, the answer is not written down: the name is free, the key is not."""
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
    assert states(name) == ["erased", "kept"]
    assert storage().exists(name)


def test_a_file_stored_by_hand_under_an_erased_name_passes_and_storage_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = removed()
    purge_all()
    storage().save(name, ContentFile(b"new"))
    asked: list[str] = []
    exists = FileSystemStorage.exists

    def noted(self: FileSystemStorage, asked_for: str) -> bool:
        asked.append(asked_for)
        return exists(self, asked_for)

    monkeypatch.setattr(FileSystemStorage, "exists", noted)
    volume = Volume.objects.create(text=name, index=stored_quietly())
    assert asked == [name]
    volume.save()
    Volume.objects.create(text="never-seen.txt")
    assert asked == [name], "only for an erased key that is new to the row"


def stored_quietly() -> str:
    return "index-that-no-entry-knows.txt"


def test_a_key_erased_before_and_removed_again_since_can_be_named_again() -> None:
    name = removed()
    purge_all()
    Volume.objects.create(text=ContentFile(b"second", name)).delete()
    Volume.objects.create(text=name)
    assert states(name) == ["erased", "kept"]
    purge_all()
    assert storage().exists(name)


def test_two_rows_and_a_row_that_hands_its_file_on() -> None:
    name = removed()
    first, second = (Volume.objects.create(text=name) for _ in range(2))
    assert states(name) == ["kept"]
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
    assert states(name) == ["kept"]
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


def test_another_alias_of_the_same_folder_is_the_same_place() -> None:
    twin = {**ATTACHMENTS, "OPTIONS": {**ATTACHMENTS["OPTIONS"], "base_url": "/other/"}}
    with override_settings(STORAGES={**storages.backends, "twin": twin}):
        name = removed()
        entry = AuditEntry.objects.get()
        entry.pk, entry.storage, entry.leased_until = None, "twin", timezone.now()
        entry.save(force_insert=True)
        with pytest.raises(KeyTaken):
            Volume.objects.create(text=name)


@pytest.mark.parametrize("options", [{"update_fields": ["text"]}, {"force_update": True}, {}])
def test_every_way_to_update_adopts_and_refuses(options: dict[str, Any]) -> None:
    volume = Volume.objects.create()
    volume.text = removed()
    volume.save(**options)
    assert states(str(volume.text)) == ["kept"]
    volume.text = removed("second.txt")
    claim(10)
    with pytest.raises(KeyTaken):
        volume.save(**options)
    assert Volume.objects.get().text.name == "text.txt"


def test_fields_that_are_not_written_are_not_looked_at() -> None:
    volume = Volume.objects.create()
    name = removed()
    claim(10)
    volume.text = name
    volume.save(update_fields=["shelf"])
    deferred = Volume.objects.defer("text").get()
    with CaptureQueriesContext(connection) as asked:
        deferred.save()
    assert not any('"text"' in query["sql"] for query in asked)
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
def test_relatives_of_a_model_adopt_and_refuse_as_it_does(model: Any) -> None:
    name = removed()
    model.objects.create(text=name)
    assert states(name) == ["kept"]
    claimed = removed("claimed.txt")

    def too_slow() -> None:
        when_due()
        assert claim(10)

    with just_after(pre_save, model, too_slow), pytest.raises(KeyTaken):
        model.objects.create(text=claimed)
    assert Volume.objects.values_list("text", flat=True).get() == name


def test_a_parent_that_was_there_before_stays_when_its_child_is_taken_back() -> None:
    binned = Binned.objects.create(text=stored("mine.txt", "attachments"))
    scan = removed("scan.jpg")

    def too_slow() -> None:
        when_due()
        assert claim(10)

    page = BinnedPage(binned_ptr=binned, text=binned.text.name, scan=scan)
    with just_after(pre_save, BinnedPage, too_slow), pytest.raises(KeyTaken):
        page.save()
    assert Binned.objects.get().text.name == "mine.txt"
    assert not BinnedPage.objects.exists()
    BinnedPage(binned_ptr=binned, text=binned.text.name).save()


def test_a_row_refused_for_one_file_lets_go_of_the_other() -> None:
    free, claimed = removed("free.txt"), removed("claimed.txt")
    AuditEntry.objects.filter(name=free).update(due_at=timezone.now() + timedelta(minutes=5))
    claim(10)
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=free, index=claimed)
    assert states(free) == ["pending"]


def test_a_fixture_adopts_the_key_that_it_names() -> None:
    volume = Volume.objects.create(text=stored("text.txt", "attachments"))
    bound = BoundVolume.objects.create(cover=stored("cover.jpg", "attachments"))
    parent = Volume.objects.get(pk=bound.pk)
    saved = serialize("json", [volume, parent, bound])
    volume.delete()
    bound.delete()
    for each in deserialize("json", saved):
        each.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"kept"}


def test_a_failed_save_leaves_an_instance_that_can_be_saved_with_another_file() -> None:
    claimed = removed("claimed.txt")
    claim(10)
    piece = Piece(key="p", case_id=1, picture=claimed)
    with pytest.raises(KeyTaken):
        piece.save()
    exhibit = Exhibit(poster=claimed)
    with pytest.raises(KeyTaken):
        exhibit.save()
    exhibit.poster = stored("good.png", "attachments")
    exhibit.save()
    assert Exhibit.objects.get().poster.name == "good.png"


def test_rows_that_other_receivers_made_go_with_the_row_that_is_taken_back() -> None:
    name = removed()
    volume = Volume(text=name)

    def too_slow() -> None:
        when_due()
        assert claim(10)

    def tag() -> None:
        volume.notes.create(text="made by somebody else")

    with (
        just_after(pre_save, Volume, too_slow),
        just_after(post_save, Volume, tag),
        pytest.raises(KeyTaken),
    ):
        volume.save()
    assert not Volume.objects.exists()


def test_a_forced_update_of_a_row_that_is_gone_keeps_nothing() -> None:
    volume = Volume.objects.create(text=stored("text.txt", "attachments"))
    Volume.objects.get().delete()
    with pytest.raises(DatabaseError):
        volume.save(force_update=True)
    assert states("text.txt") == ["pending"]


def test_a_save_asks_the_database_twice_whatever_the_number_of_files() -> None:
    with CaptureQueriesContext(connection) as asked:
        Volume.objects.create(text="a.txt", index="b.txt")
    about_entries = [q for q in asked if "moderation_auditentry" in q["sql"]]
    assert len(about_entries) == 2
    with CaptureQueriesContext(connection) as asked:
        Shelf.objects.create(name="no file")
    assert len(asked) == 1


def test_the_rows_of_a_transaction_are_looked_up_together() -> None:
    def queries(rows: int) -> int:
        with CaptureQueriesContext(connection) as asked, transaction.atomic():
            for number in range(rows):
                Volume.objects.create(text=f"{rows}-{number}.txt")
        return len([q for q in asked if "moderation_auditentry" in q["sql"]])

    expected = 1 if connection.features.has_select_for_update else 0
    assert queries(3) == 3 + expected
    assert queries(30) == 30 + expected
