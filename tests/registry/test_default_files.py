"""The default of a file field belongs to no row, and no removal erases it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.db.models import Model

from moderation.cascade import make_plan
from moderation.checks import file_fields
from moderation.models import AuditEntry
from moderation.purge.run import purge_due_files
from moderation.registry import caches, registration_for, registrations
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from tests.helpers import stored
from tests.testapp.defaults import DEFAULT_AVATAR, DEFAULT_BADGE, DEFAULT_BANNER
from tests.testapp.models import Badge, Club, Profile, Volume
from tests.testapp.storage import ATTACHMENTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def defaults(marked: None, request: pytest.FixtureRequest) -> Iterator[None]:
    for name in (DEFAULT_AVATAR, DEFAULT_BANNER, DEFAULT_BADGE):
        assert stored(name, "attachments") == name
    yield
    request.getfixturevalue("monkeypatch").undo()
    caches.clear()


def registered(patch: pytest.MonkeyPatch, model: type[Model], **changes: Any) -> None:
    registration = registration_for(model)
    assert registration
    known = registrations._registrations | {model: replace(registration, **changes)}
    patch.setattr(registrations, "_registrations", known)


def purge_all() -> None:
    while purge_due_files():
        pass


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def all_are_there() -> bool:
    storage = storages["attachments"]
    return all(storage.exists(name) for name in (DEFAULT_AVATAR, DEFAULT_BANNER, DEFAULT_BADGE))


def test_a_default_stays_when_the_last_row_that_has_it_is_deleted() -> None:
    own = stored("own.png", "attachments")
    Profile.objects.create()
    Profile.objects.create(avatar=own)
    Profile.objects.all().delete()
    purge_all()
    assert recorded() == ["own.png"]
    assert all_are_there()
    Profile.objects.create()
    Profile.objects.create(avatar=ContentFile(b"x", "new.png")).delete()
    Profile().save()


def test_a_default_of_the_database_stays_too() -> None:
    badge = Badge.objects.create()
    drawn = badge.drawn.name
    badge.delete()
    purge_all()
    assert recorded() == [drawn]
    assert all_are_there()
    badge = Badge()
    badge.save()
    badge.refresh_from_db()
    assert badge.picture.name == DEFAULT_BADGE


def test_a_row_of_another_model_does_not_take_a_default_along() -> None:
    Volume.objects.create(text=DEFAULT_AVATAR, index=f"./{DEFAULT_BADGE}").delete()
    purge_all()
    assert recorded() == []
    assert all_are_there()


def test_rows_can_be_created_with_a_default_that_was_erased_once() -> None:
    """By an older version of this app, for instance."""
    Profile.objects.create(avatar=stored("other.png", "attachments")).delete()
    entry = AuditEntry.objects.get()
    entry.pk, entry.key, entry.name, entry.state = None, DEFAULT_AVATAR, DEFAULT_AVATAR, "erased"
    entry.save(force_insert=True)
    storages["attachments"].delete(DEFAULT_AVATAR)
    assert Profile.objects.create().avatar.name == DEFAULT_AVATAR


def test_extra_files_do_not_name_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def extra_files(rows: list[Volume]) -> list[tuple[Volume, str, str]]:
        return [(row, "attachments", DEFAULT_AVATAR) for row in rows]

    registered(monkeypatch, Volume, extra_files=extra_files)
    Volume.objects.create(text="a.txt").delete()
    assert recorded() == ["a.txt"]


def test_the_preview_and_the_removal_count_no_default(moderator: User) -> None:
    club = Club.objects.create()
    Profile.objects.create(club=club, size=5)
    Profile.objects.create(club=club, avatar=stored("own.png", "attachments"), size=7)
    Profile.objects.create(club=club, avatar=ContentFile(b"x", "up.png"), banner="b.png", size=9)
    removal = freeze(Club.objects.all(), actor=moderator, permissions=[])
    assert (removal.files_total, removal.pictures_total) == (3, 3)
    plan = make_plan(Club, [club.pk], using="default", limit=100)
    assert {file.name for file in plan.files} == {"own.png", "up.png", "b.png"}
    batch = removal.batches.get()
    assert [list(each) for each in plan.preview().objects] == [list(each) for each in batch.frozen]
    assert plan.preview().size == removal.bytes_total
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    delete_next_batch(removal.pk)
    removal.refresh_from_db()
    batch.refresh_from_db()
    assert (batch.state, batch.error) == ("deleted", "")
    assert recorded() == ["b.png", "own.png", "up.png"]


def test_the_size_of_a_default_does_not_count(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, Profile, lookups={"size": "size"}, picture="avatar")
    club = Club.objects.create()
    Profile.objects.create(club=club, size=5)
    Profile.objects.create(club=club, avatar="own.png", size=7)
    Profile.objects.create(club=club, avatar=f"./{DEFAULT_AVATAR}", size=11)
    removal = freeze(Club.objects.all(), actor=moderator, permissions=[])
    assert removal.bytes_total == 7
    plan = make_plan(Club, [club.pk], using="default", limit=100)
    assert plan.preview().size == 7


def test_a_new_row_with_defaults_alone_breaks_no_seal(moderator: User) -> None:
    club = Club.objects.create()
    Profile.objects.create(club=club, avatar="own.png")
    removal = freeze(Club.objects.all(), actor=moderator, permissions=[])
    Profile.objects.create(club=club)
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="spam")


def test_a_default_that_changes_is_reported_by_a_check() -> None:
    found = [message.obj for message in file_fields.check_defaults()]
    assert [str(field) for field in found] == ["library.Badge.drawn"]


def test_a_default_at_the_same_location_through_another_storage_object_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = FileSystemStorage(location=ATTACHMENTS["OPTIONS"]["location"], base_url="/x/")
    monkeypatch.setattr(Profile._meta.get_field("avatar"), "storage", elsewhere)
    caches.clear()
    Volume.objects.create(text=DEFAULT_AVATAR).delete()
    purge_all()
    entry = AuditEntry.objects.get()
    assert entry.in_use_reason == "still used by the default of library.Profile.avatar"
    assert all_are_there()


def test_a_name_that_becomes_a_default_after_it_was_recorded_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = stored("new-default.png", "attachments")
    Volume.objects.create(text=name).delete()
    field = Profile._meta.get_field("avatar")
    monkeypatch.setattr(field, "default", name)
    caches.clear()
    purge_all()
    assert AuditEntry.objects.get().state == "in_use"
    assert storages["attachments"].exists(name)
