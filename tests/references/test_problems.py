"""The problem of a field is named until the field is searched again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.db import DatabaseError
from django.utils import timezone

from moderation.models import AuditEntry, StorageIdentity
from moderation.purge.orphans import orphans
from moderation.purge.recheck import recheck_files_in_use
from moderation.purge.run import purge_due_files
from moderation.references import usage as usage_module
from moderation.references.queries import Column
from moderation.storage import Adapter, write_identity
from tests.helpers import stored
from tests.testapp.models import Volume
from tests.testapp.models_references import Flyer

pytestmark = pytest.mark.django_db(transaction=True)

BROKEN_FIELD = "library.Flyer.sheet: no such column"


@pytest.fixture
def broken_field(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Break a field whose storage is a folder of another storage; return how to repair it."""
    write_identity("attachments")
    find = Column.find

    def fail(self: Column, names: Iterable[str]) -> dict[str, str]:
        if self.model is Flyer:
            raise DatabaseError("no such column")
        return find(self, names)

    inner = FileSystemStorage(location=storages["attachments"].path("inner"))
    monkeypatch.setattr(Flyer._meta.get_field("sheet"), "storage", inner)
    monkeypatch.setattr(Column, "find", fail)
    monkeypatch.setattr(Column, "find_without_keys", fail)
    return lambda: monkeypatch.setattr(Column, "find", find)


def delete_file(name: str) -> None:
    """Store a file, and delete the only row that has it."""
    Volume.objects.create(text=stored(name, "attachments")).delete()


def purged() -> dict[str, str]:
    """Purge all pending entries, due or not; return the state of each file."""
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now())
    while purge_due_files():
        pass
    return dict(AuditEntry.objects.values_list("name", "state"))


def problem() -> str:
    return StorageIdentity.objects.get(alias="attachments").reference_problem


def test_it_stays_while_no_key_can_be_in_the_folder_of_the_field(
    broken_field: Callable[[], None],
) -> None:
    delete_file("inner/a.txt")
    assert purged() == {"inner/a.txt": "pending"}
    assert problem() == BROKEN_FIELD
    Volume.objects.bulk_create([Volume(text=stored("outer/b.txt", "attachments"))])
    delete_file("outer/c.txt")
    Volume.objects.bulk_create([Volume(text="outer/c.txt")])
    while purge_due_files():
        pass
    assert AuditEntry.objects.get(name="outer/c.txt").state == "in_use"
    AuditEntry.objects.filter(state="in_use").update(recheck_at=None)
    recheck_files_in_use()
    assert not list(orphans("attachments", prefix="outer", older_than=timezone.now()))
    assert problem() == BROKEN_FIELD
    broken_field()
    assert purged() == {"inner/a.txt": "erased", "outer/c.txt": "in_use"}
    assert problem() == ""


@pytest.mark.usefixtures("broken_field")
def test_it_stays_while_the_storage_cannot_be_created(monkeypatch: pytest.MonkeyPatch) -> None:
    delete_file("inner/a.txt")
    assert purged() == {"inner/a.txt": "pending"}

    def refuse(alias: str) -> Adapter:
        raise OSError("no account")

    with monkeypatch.context() as patch:
        patch.setattr(usage_module, "adapter_for", refuse)
        assert purged() == {"inner/a.txt": "pending"}
    assert set(problem().split("; ")) == {BROKEN_FIELD, "OSError: no account"}
    delete_file("b.txt")
    purged()
    assert problem() == BROKEN_FIELD


@pytest.mark.usefixtures("broken_field")
def test_it_is_forgotten_with_a_field_that_no_longer_exists() -> None:
    StorageIdentity.objects.update(reference_problems={"gone.Model.file": "no such table"})
    delete_file("inner/a.txt")
    purged()
    assert problem() == BROKEN_FIELD
