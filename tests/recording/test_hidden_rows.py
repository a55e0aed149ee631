"""Rows that a model's base manager hides are treated like other rows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db import IntegrityError

from moderation.cascade import make_plan
from moderation.checks import file_fields
from moderation.db.rows import all_rows
from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from tests.helpers import stored
from tests.testapp.models import Binder, Binned, BinnedPage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]


def binned(name: str, **values: object) -> Binned:
    row = Binned(text=stored(name, "attachments"), is_binned=True, title="In the bin", **values)
    row.save(force_insert=True)
    return row


def recorded() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def test_emptying_the_bin_row_by_row_is_recorded() -> None:
    row = binned("text.txt")
    row.text = "another name that was never stored.txt"
    row.delete()
    assert recorded() == ["text.txt"]
    while purge_due_files():
        pass
    assert not storages["attachments"].exists("text.txt")


def test_a_hidden_row_loaded_without_its_file_is_recorded() -> None:
    binned("text.txt")
    all_rows(Binned).only("pk").get().delete()
    assert recorded() == ["text.txt"]


def test_a_hidden_row_of_a_subclass_is_recorded_with_its_parent_s_file() -> None:
    page = BinnedPage(
        text=stored("text.txt", "attachments"),
        scan=stored("scan.jpg", "attachments"),
        is_binned=True,
    )
    page.save(force_insert=True)
    page.delete()
    assert recorded() == ["scan.jpg", "text.txt"]


def test_details_of_hidden_rows_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from moderation.registry import registrations

    known = dict(registrations._registrations)
    titles = {"title": lambda rows: [row.title for row in rows]}
    known[Binned] = replace(known[Binned], lookups=titles)
    monkeypatch.setattr(registrations, "_registrations", known)
    binned("text.txt").delete()
    assert AuditEntry.objects.get().title == "In the bin"


def test_hidden_rows_are_previewed_and_removed(moderator: User) -> None:
    rows = [binned(f"{number}.txt") for number in range(3)]
    keys = [row.pk for row in rows]
    plan = make_plan(Binned, keys, using="default", limit=100)
    assert {file.name for file in plan.files} == {"0.txt", "1.txt", "2.txt"}
    removal = freeze(all_rows(Binned), actor=moderator, permissions=[])
    assert removal.objects_total == 3
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    delete_next_batch(removal.pk)
    assert removal.batches.get().state == "deleted"
    assert not all_rows(Binned).exists()
    assert recorded() == ["0.txt", "1.txt", "2.txt"]


def test_a_hidden_row_saved_unchanged_reuses_no_key_and_a_new_one_does() -> None:
    """It got the name of an erased file, as in fields whose names have no random part."""
    binned("text.txt").delete()
    while purge_due_files():
        pass
    row = binned("text.txt")
    storages["attachments"].delete("text.txt")
    # Django looks for the row through the base manager, and would insert it again.
    all_rows(Binned).filter(pk=row.pk).update(is_binned=False)
    row.is_binned = False
    row.save()
    all_rows(Binned).filter(pk=row.pk).update(is_binned=True)
    other = binned("other.txt")
    other.delete()
    claim(10)
    with pytest.raises(KeyTaken):
        Binned(text="other.txt", is_binned=True).save()
    assert all_rows(Binned).count() == 1


def test_the_plan_takes_what_the_cascade_takes_and_the_hidden_rows_stay() -> None:
    """Django's own cascade does not find them; a check reports it."""
    binder = Binder.objects.create()
    Binned.objects.create(binder=binder, text=stored("seen.txt", "attachments"))
    binned("hidden.txt", binder=binder)
    plan = make_plan(Binder, [binder.pk], using="default", limit=100)
    assert {file.name for file in plan.files} == {"seen.txt"}
    binder.delete()
    assert recorded() == ["seen.txt"]
    assert all_rows(Binned).get().text.name == "hidden.txt"
    found = {str(message.obj) for message in file_fields.check_hidden_rows()}
    assert found == {"library.Binned.binder", "library.BinnedPage.binned_ptr"}


def test_where_there_is_a_constraint_the_database_refuses_and_nothing_is_recorded() -> None:
    page = BinnedPage(scan=stored("scan.jpg", "attachments"), is_binned=True)
    page.save(force_insert=True)
    parent = all_rows(Binned).get(pk=page.pk)
    with pytest.raises(IntegrityError):
        parent.delete()
    assert all_rows(BinnedPage).count() == 1
    assert recorded() == []
