"""Replaced files while other saves, deletions and purges go about the same row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.db.models.signals import post_save, pre_save

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from tests.helpers import stored
from tests.recording.reusing import just_after, purge_all, removed, states, storage, too_slow
from tests.recording.test_reused_keys_concurrently import elsewhere, on_postgresql
from tests.testapp.models import Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


@contextmanager
def before_upload(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, before the first file is stored."""
    save = FileSystemStorage._save  # type: ignore[attr-defined] # Django's stubs lack it
    acts = [act]  # once, since the other session stores files as well

    def acting(self: FileSystemStorage, name: str, content: Any) -> str:
        if acts:
            acts.pop()()
        return str(save(self, name, content))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", acting)
        yield


@contextmanager
def just_after_update(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, before our receiver of `post_save`."""
    acts = [act]

    def receiver(**_: Any) -> None:
        if acts:
            acts.pop()()

    post_save.connect(receiver, sender=Volume)
    post_save.receivers.insert(0, post_save.receivers.pop())
    post_save.sender_receivers_cache.clear()
    try:
        yield
    finally:
        post_save.disconnect(receiver, sender=Volume)


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
    with before_upload(lambda: elsewhere(first.save)):
        second.save()
    assert Volume.objects.get().text.name == "2.txt"
    assert recorded() == ["1.txt", "old.txt"]
    volume.refresh_from_db()
    volume.text = ContentFile(b"3", "3.txt")
    other = Volume.objects.get()
    other.text = ContentFile(b"4", "4.txt")
    with just_after_update(lambda: elsewhere(other.save)):
        volume.save()
    purge_all()
    assert {name for name in ("1.txt", "2.txt", "3.txt", "4.txt") if storage().exists(name)} == {
        Volume.objects.get().text.name
    }


@on_postgresql
def test_in_a_transaction_the_row_is_locked_until_the_commit() -> None:
    volume = Volume.objects.create(text="old.txt")

    def is_free() -> bool:
        with transaction.atomic():
            return bool(list(Volume.objects.select_for_update(skip_locked=True)))

    with transaction.atomic():
        volume.text = ""
        volume.save()
        assert elsewhere(is_free) is False


def test_a_replaced_file_can_be_reused_until_a_purge_claims_it() -> None:
    name = stored("old.txt", "attachments")
    volume = Volume.objects.create(text=name)
    volume.text = ""
    volume.save()
    Volume.objects.create(text=name)
    purge_all()
    assert states(name) == ["in_use"]
    claimed = stored("claimed.txt", "attachments")
    volume.text = claimed
    volume.save()
    volume.text = ""
    volume.save()
    claim(10)
    with pytest.raises(KeyTaken):
        Volume.objects.create(text=claimed)
