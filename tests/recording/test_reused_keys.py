"""A row that reuses a key, step by step: a save that fails, or comes too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.serializers import deserialize, serialize
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import post_save, pre_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.removals.delete import delete_next_batch
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage
from tests.helpers import confirmed, drafted, stored
from tests.recording.reusing import (
    just_after,
    purge_all,
    removed,
    states,
    storage,
    too_slow,
    when_due,
)
from tests.removals.test_concurrency import Session
from tests.testapp.models import (
    BoundVolume,
    Exhibit,
    Loan,
    Piece,
    Shelf,
    Volume,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]


def test_a_stale_row_whose_insert_fails_leaves_its_file_to_the_purge(
    moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(1, images=1)
    stale = PostImage.objects.get()
    removal = confirmed(drafted(posts, moderator), moderator)
    delete_next_batch(removal.pk)
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
    assert entry.state == "in_use"
    assert entry.due_at >= before + timedelta(minutes=1)


def test_the_end_of_a_removal_does_not_cut_a_reservation_short(moderator: User) -> None:
    User.objects.update(is_superuser=True)
    for name in ("first.txt", "second.txt"):
        Volume.objects.create(text=stored(name, "attachments"))
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        draft = freeze(Volume.objects.all(), actor=moderator, permissions=[])
        removal = confirmed(draft, moderator)
    delete_next_batch(removal.pk)
    name = AuditEntry.objects.get().name

    def finish() -> None:
        while delete_next_batch(removal.pk):
            pass
        purge_all()

    with just_after(pre_save, Volume, finish):
        Volume.objects.create(text=name)
    assert states(name) == ["in_use"]
    assert AuditEntry.objects.exclude(name=name).get().state == "erased"


def test_a_row_whose_key_was_claimed_before_it_was_written_is_deleted_again() -> None:
    name = removed()

    volume = Volume(text=name)
    with just_after(pre_save, Volume, too_slow), pytest.raises(KeyTaken):
        volume.save()
    assert not Volume.objects.exists()
    assert volume._state.adding
    AuditEntry.objects.update(leased_until=None)
    purge_all()
    assert set(states(name)) == {"erased"}


def test_a_key_removed_and_claimed_between_the_first_look_and_the_insert() -> None:
    """There was no entry to reserve, because the other row still existed."""
    name = stored("shared.txt", "attachments")
    other = Volume.objects.create(text=name)

    def remove() -> None:
        other.delete()
        assert claim(10)

    with just_after(pre_save, Volume, remove), pytest.raises(KeyTaken):
        Volume.objects.create(text=name)
    assert not Volume.objects.exists()


def test_an_update_to_a_key_that_is_claimed_too_early_gets_the_former_name_back() -> None:
    old = stored("old.txt", "attachments")
    volume = Volume.objects.create(text=old)
    volume.text = removed()
    volume.index = ContentFile(b"uploaded in the same save", "index.txt")

    with just_after(pre_save, Volume, too_slow), pytest.raises(KeyTaken):
        volume.save()
    assert Volume.objects.values_list("text", "index").get() == (old, "")
    assert states("index.txt") == ["pending"], "the upload does not stay behind"
    AuditEntry.objects.update(leased_until=None)
    purge_all()
    assert storage().exists(old)
    assert not storage().exists("index.txt")


def test_an_update_that_is_refused_gets_the_name_back_that_it_replaced() -> None:
    name = stored("shared.txt", "attachments")
    other, volume = Volume.objects.create(text=name), Volume.objects.create(text="old.txt")

    def remove() -> None:
        other.delete()
        assert claim(10)

    volume.text = name
    with just_after(pre_save, Volume, remove), pytest.raises(KeyTaken):
        volume.save()
    assert Volume.objects.values_list("text", flat=True).get() == "old.txt"


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
    assert (states(name), states(other)) == (["pending"], ["in_use"])
    purge_all()
    assert (states(name), states(other)) == (["erased"], ["in_use"])


def test_an_error_caught_inside_a_transaction_leaves_no_row() -> None:
    name = removed()
    claim(10)
    with transaction.atomic():
        with pytest.raises(KeyTaken):
            Volume.objects.create(text=name)
        Volume.objects.create(text=stored("good.txt", "attachments"))
    assert Volume.objects.values_list("text", flat=True).get() == "good.txt"


def test_a_row_refused_for_one_file_does_not_reserve_the_other() -> None:
    free, claimed = removed("free.txt"), removed("claimed.txt")
    AuditEntry.objects.filter(name=free).update(due_at=timezone.now() + timedelta(minutes=5))
    claim(10)
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=free, index=claimed)
    assert states(free) == ["pending"]


def test_a_fixture_reuses_the_key_that_it_names() -> None:
    volume = Volume.objects.create(text=stored("text.txt", "attachments"))
    bound = BoundVolume.objects.create(cover=stored("cover.jpg", "attachments"))
    parent = Volume.objects.get(pk=bound.pk)
    saved = serialize("json", [volume, parent, bound])
    volume.delete()
    bound.delete()
    for each in deserialize("json", saved):
        each.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"in_use"}


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

    def tag() -> None:
        volume.notes.create(text="made by somebody else")

    with (
        just_after(pre_save, Volume, too_slow),
        just_after(post_save, Volume, tag),
        pytest.raises(KeyTaken),
    ):
        volume.save()
    assert not Volume.objects.exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_a_row_that_another_one_protects_already_names_no_file() -> None:
    name = stored("shared.txt", "attachments")
    Volume.objects.create(text=name)

    def purge_it() -> None:
        Volume.objects.filter(text=name).delete()
        purge_all()

    volume = Volume(index=name)

    @transaction.atomic
    def lend_it() -> None:
        volume.save()
        Loan.objects.create(volume=volume)
        Session(purge_it).result()

    with pytest.raises(KeyTaken):
        lend_it()
    assert not storage().exists(name)
    assert Volume.objects.get().index.name == ""
    volume.index = ""
    volume.save()
    assert Volume.objects.count() == 1


def test_a_forced_update_of_a_row_that_is_gone_keeps_nothing() -> None:
    volume = Volume.objects.create(text=stored("text.txt", "attachments"))
    Volume.objects.get().delete()
    with pytest.raises(DatabaseError):
        volume.save(force_update=True)
    assert states("text.txt") == ["pending"]


def test_a_save_asks_the_database_twice_whatever_the_number_of_files() -> None:
    with CaptureQueriesContext(connection) as captured:
        Volume.objects.create(text="a.txt", index="b.txt")
    about_entries = [q for q in captured if "moderation_auditentry" in q["sql"]]
    assert len(about_entries) == 2
    with CaptureQueriesContext(connection) as captured:
        Shelf.objects.create(name="no file")
    assert len(captured) == 1


def test_the_rows_of_a_transaction_are_looked_up_together() -> None:
    def queries(rows: int) -> int:
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            for number in range(rows):
                Volume.objects.create(text=f"{rows}-{number}.txt")
        return len([q for q in captured if "moderation_auditentry" in q["sql"]])

    expected = 1 if connection.features.has_select_for_update else 0
    assert queries(3) == 3 + expected
    assert queries(30) == 30 + expected
