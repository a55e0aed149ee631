"""A file that was in use is checked again, and erased if it has been unused for long enough."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from moderation.jobs.scheduler import run_once
from moderation.models import AuditEntry, Removal
from moderation.models.states import EntryState
from moderation.purge import claim as claim_module
from moderation.purge.claim import claim
from moderation.purge.recheck import recheck_files_in_use
from moderation.purge.run import purge_due_files
from moderation.recording.attribution import DeletionContext, attribute
from moderation.storage import write_identity
from moderation.storage.base import NEWER_STAYS
from tests.services.other_thread import in_another_thread
from tests.testapp.models import Volume
from tests.testapp.models_references import Flyer
from tests.testapp.storage import ATTACHMENTS

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "atlas.pdf"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def file(transactional_db: None) -> None:
    write_identity("attachments")
    storages["attachments"].save(NAME, ContentFile(b"x"))


def named(count: int = 1) -> list[Volume]:
    return Volume.objects.bulk_create(Volume(text=NAME) for _ in range(count))


def purge_all() -> None:
    while purge_due_files():
        pass


def states() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("state", flat=True))


def is_there() -> bool:
    return storages["attachments"].exists(NAME)


def after(pause: timedelta) -> None:
    """Let time pass for the kept entries, then check them."""
    for entry in AuditEntry.objects.filter(state="in_use"):
        changes = {
            name: getattr(entry, name) - pause
            for name in ("recheck_at", "unused_at", "in_use_at")
            if getattr(entry, name)
        }
        AuditEntry.objects.filter(pk=entry.pk).update(**changes)


def kept_for_a_flyer() -> Flyer:
    """Create a kept entry whose file a row of an unregistered model uses; return the row."""
    flyer = Flyer(sheet=NAME)
    Flyer.objects.bulk_create([flyer])
    named()[0].delete()
    purge_all()
    assert states() == ["in_use"]
    return flyer


def test_a_file_is_erased_when_two_looks_an_hour_apart_find_it_unused() -> None:
    kept_for_a_flyer().delete()
    after(HOUR)
    assert not recheck_files_in_use()
    assert not recheck_files_in_use(), "nothing is due before the hour is over"
    after(HOUR / 2)
    assert not recheck_files_in_use()
    assert states() == ["in_use"]
    after(HOUR)
    run_once(alone=True)
    purge_all()
    assert states() == ["erased"]
    assert not is_there()


def test_a_row_that_comes_back_between_two_looks_keeps_the_file() -> None:
    kept_for_a_flyer().delete()
    after(HOUR)
    recheck_files_in_use()
    assert AuditEntry.objects.get().unused_at
    kept = AuditEntry.objects.get()
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])  # the restored half of the database
    after(HOUR)
    recheck_files_in_use()
    kept.refresh_from_db()
    assert (kept.state, kept.unused_at) == ("in_use", None)
    Flyer.objects.all().delete()
    after(HOUR)
    recheck_files_in_use()
    assert states() == ["in_use"], "the two looks begin again"


def test_a_row_that_comes_back_before_the_purge_keeps_the_file() -> None:
    kept_for_a_flyer().delete()
    for _ in range(2):
        after(HOUR)
        recheck_files_in_use()
    assert states() == ["pending"]
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])
    purge_all()
    assert states() == ["in_use"]
    assert is_there()


def test_a_look_counts_only_where_the_storage_is_the_right_one(tmp_path: Path) -> None:
    kept_for_a_flyer().delete()
    root = ATTACHMENTS["OPTIONS"]["location"]
    shutil.move(root, tmp_path / "unmounted")
    for _ in range(3):
        after(HOUR)
        recheck_files_in_use()
    assert AuditEntry.objects.get().unused_at is None
    shutil.move(tmp_path / "unmounted", root)
    for _ in range(2):
        after(HOUR)
        recheck_files_in_use()
    assert states() == ["pending"]


@override_settings(MODERATION_RECHECK_MINUTES=10)
def test_the_pause_is_a_setting() -> None:
    kept_for_a_flyer().delete()
    for _ in range(2):
        after(timedelta(minutes=10))
        recheck_files_in_use()
    assert states() == ["pending"]


def test_an_entry_that_was_kept_in_another_way_is_checked_soon() -> None:
    """For example by a row with a pending key whose INSERT failed."""
    named()[0].delete()
    AuditEntry.objects.update(state=EntryState.IN_USE, in_use_at=timezone.now(), in_use_reason="x")
    recheck_files_in_use()
    assert AuditEntry.objects.get().unused_at
    after(HOUR)
    recheck_files_in_use()
    purge_all()
    assert states() == ["erased"]
    assert not is_there()


def test_a_removal_that_was_done_is_purging_again_and_done_again(db: None) -> None:
    removal = Removal.objects.create(
        model_label="library.Volume", state="purging", actor=User.objects.create(username="mod")
    )
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])
    named()
    volumes = Volume.objects.filter(text=NAME)
    attribute(volumes, DeletionContext(removal=removal.pk))
    volumes.delete()
    purge_all()
    removal.refresh_from_db()
    assert (removal.state, states()) == ("done", ["in_use"])
    Flyer.objects.all().delete()
    for _ in range(2):
        after(HOUR)
        recheck_files_in_use()
    removal.refresh_from_db()
    assert (removal.state, removal.finished_at) == ("purging", None)
    purge_all()
    removal.refresh_from_db()
    assert (removal.state, states()) == ("done", ["erased"])


def test_what_was_kept_for_a_newer_version_is_not_checked_again_and_again() -> None:
    named()[0].delete()
    AuditEntry.objects.update(
        state=EntryState.IN_USE,
        in_use_at=timezone.now(),
        in_use_reason=NEWER_STAYS,
        detail=NEWER_STAYS,
    )
    recheck_files_in_use()
    after(1000 * HOUR)
    assert not recheck_files_in_use()
    assert states() == ["in_use"]
    assert AuditEntry.objects.get().unused_at is None


@override_settings(MODERATION_REQUEST_KEYS=2)
def test_one_look_takes_a_page() -> None:
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])
    for volume in named(5):
        volume.delete()
    purge_all()
    Flyer.objects.all().delete()
    after(HOUR)
    looked = []
    for _ in range(4):
        recheck_files_in_use()
        looked.append(AuditEntry.objects.filter(unused_at__isnull=False).count())
    assert looked == [2, 4, 5, 5]


def test_kept_entries_end_with_the_one_that_erases_their_key() -> None:
    first, second = named(2)
    first.delete()
    purge_all()
    assert states() == ["in_use"]
    second.delete()
    purge_all()
    assert states() == ["erased", "erased"]
    assert not is_there()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite one writes after the other")
def test_a_row_that_goes_while_its_key_is_being_claimed_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = named(2)
    first.delete()
    lock = claim_module._with_other_entries_of_their_keys

    def lock_after_the_second_removal(location: object, due: object) -> object:
        monkeypatch.setattr(claim_module, "_with_other_entries_of_their_keys", lock)
        in_another_thread(second.delete)
        return lock(location, due)  # type: ignore[arg-type]

    monkeypatch.setattr(
        claim_module, "_with_other_entries_of_their_keys", lock_after_the_second_removal
    )
    purge_all()
    assert states() == ["erased", "erased"]
    assert not is_there()


def test_the_look_comes_after_all_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = named(2)
    first.delete()
    second.delete()
    AuditEntry.objects.filter(object_key=str(second.pk)).update(due_at=timezone.now() + HOUR)
    steps: list[str] = []
    for name in ("_with_other_entries_of_their_keys", "usage_of"):
        real = getattr(claim_module, name)

        def step(*args: object, real: object = real, name: str = name) -> object:
            steps.append(name)
            return real(*args)  # type: ignore[operator]

        monkeypatch.setattr(claim_module, name, step)
    claim(10)
    assert steps == ["_with_other_entries_of_their_keys", "usage_of"]
