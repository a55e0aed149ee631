"""A second database with the same tables: its rows are searched, and deletions there refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.utils import timezone

from moderation.checks import references
from moderation.exceptions import DeletedElsewhere
from moderation.models import AuditEntry, StorageIdentity
from moderation.purge.run import purge_due_files
from moderation.references.databases import clear_table_cache, distinct_databases
from moderation.storage import write_identity
from tests.testapp.models import Thread, Volume
from tests.testapp.models_references import Flyer

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "atlas.pdf"


@pytest.fixture
def other(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """Create a database in a file, with the tables of threads and flyers."""
    with attached("other", {"NAME": str(tmp_path / "other.sqlite3")}) as alias:
        # Now, because later Django's tests refuse connections to databases that they do not know.
        connections[alias].connect()
        with connections[alias].schema_editor() as editor:
            for model in (Thread, Flyer):
                editor.create_model(model)
        yield alias


@contextmanager
def attached(alias: str, options: dict[str, Any]) -> Iterator[str]:
    """Add a database to those of the site."""
    engine = {"ENGINE": "django.db.backends.sqlite3", **options}
    both = connections.configure_settings({"default": {}, alias: engine})
    connections.settings[alias] = both[alias]
    clear_table_cache()
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]
        clear_table_cache()


@pytest.fixture(autouse=True)
def file(transactional_db: None) -> None:
    write_identity("attachments")
    storages["attachments"].save(NAME, ContentFile(b"x"))
    Volume.objects.bulk_create([Volume(text=NAME)])


def purge_all() -> None:
    while purge_due_files():
        pass


def test_a_row_in_another_database_keeps_the_file(other: str) -> None:
    Flyer.objects.using(other).bulk_create([Flyer(sheet=NAME)])
    Volume.objects.get().delete()
    purge_all()
    entry = AuditEntry.objects.get()
    assert entry.state == "in_use"
    assert entry.in_use_reason == "still used by library.Flyer.sheet in database other 1"
    assert storages["attachments"].exists(NAME)


def test_another_database_without_such_a_row_keeps_nothing(other: str) -> None:
    Volume.objects.get().delete()
    purge_all()
    assert AuditEntry.objects.get().state == "erased"


def test_deleting_a_row_with_files_in_another_database_is_refused(other: str) -> None:
    Thread.objects.using(other).bulk_create([Thread(picture=NAME), Thread(picture="")])
    Thread.objects.using(other).filter(picture="").delete()
    with pytest.raises(DeletedElsewhere, match=r"library.Thread.*'default'.*'other'"):
        Thread.objects.using(other).filter(picture=NAME).delete()
    assert Thread.objects.using(other).get().picture.name == NAME
    assert not AuditEntry.objects.exists()


def test_w014_names_a_registered_model_in_another_database(other: str) -> None:
    messages = references.check_other_databases(databases=["default", other])
    assert [(m.id, m.obj) for m in messages] == [("moderation.W014", Thread)]
    assert not references.check_other_databases(databases=["default"])
    assert not references.check_other_databases()


def test_a_database_that_is_away_blocks_only_what_it_may_use(
    transactional_db: None, tmp_path: Path
) -> None:
    with attached("away", {"NAME": str(tmp_path / "no" / "such" / "folder.sqlite3")}) as alias:
        Volume.objects.get().delete()
        purge_all()
        entry = AuditEntry.objects.get()
        assert (entry.state, entry.leased_until) == ("pending", None)
        assert entry.due_at > timezone.now()
        problem = StorageIdentity.objects.get(alias="attachments").reference_problem
        assert f"database {alias}" in problem
        assert StorageIdentity.objects.get(alias="attachments").problem == ""
        with pytest.raises(CommandError, match="unknown which files are in use"):
            call_command("purge", "--check")
        (warning,) = references.check_reference_problems(databases=["default"])
        assert warning.id == "moderation.W016"
    AuditEntry.objects.update(due_at=timezone.now())
    purge_all()
    assert AuditEntry.objects.get().state == "erased"
    assert StorageIdentity.objects.get(alias="attachments").reference_problem == ""


def test_a_copy_and_a_second_alias_are_not_queried(transactional_db: None, other: str) -> None:
    name = connections[other].settings_dict["NAME"]
    mirror = {"NAME": "copy", "TEST": {"MIRROR": "default"}}
    with attached("copy", mirror), attached("again", {"NAME": name}):
        assert distinct_databases() == ["default", other]


def test_a_database_without_the_table_is_not_queried(other: str) -> None:
    with connections[other].schema_editor() as editor:
        editor.delete_model(Flyer)
    clear_table_cache()
    Volume.objects.get().delete()
    purge_all()
    assert AuditEntry.objects.get().state == "erased"


def test_a_model_that_cannot_be_queried_blocks_only_its_own_keys(other: str) -> None:
    write_identity("default")
    now = timezone.now()
    storages["default"].save("picture.jpg", ContentFile(b"x"))
    identity = StorageIdentity.objects.get(alias="default").identity
    AuditEntry.objects.create(storage="default", identity=identity, key="picture.jpg",
                              name="picture.jpg", object_label="posts.PostImage", object_key="1",
                              due_at=now, recorded_at=now)  # fmt: skip
    with connections[other].schema_editor() as editor:
        editor.execute("ALTER TABLE library_flyer RENAME COLUMN sheet TO page")
    Volume.objects.get().delete()
    purge_all()
    states = dict(AuditEntry.objects.values_list("storage", "state"))
    assert states == {"default": "erased", "attachments": "pending"}
    problem = StorageIdentity.objects.get(alias="attachments").reference_problem
    assert problem.startswith("library.Flyer.sheet in database other: ")
    (warning,) = references.check_searchable(databases=["default", other])
    assert warning.id == "moderation.W015"
    assert "library.Flyer.sheet in database other" in warning.msg


def test_a_model_in_the_log_s_own_database_breaks_no_transaction() -> None:
    with connections["default"].schema_editor() as editor:
        editor.execute("ALTER TABLE library_flyer RENAME COLUMN sheet TO page")
    try:
        Volume.objects.get().delete()
        purge_all()
        entry = AuditEntry.objects.get()
        assert (entry.state, entry.leased_until) == ("pending", None)
        problem = StorageIdentity.objects.get(alias="attachments").reference_problem
        assert problem.startswith("library.Flyer.sheet: ")
    finally:
        with connections["default"].schema_editor() as editor:
            editor.execute("ALTER TABLE library_flyer RENAME COLUMN page TO sheet")


def test_a_live_row_of_another_model_still_decides_while_one_cannot_be_queried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from moderation.references.queries import Column

    Volume.objects.bulk_create([Volume(index=NAME)])
    find, among = Column.find, Column.find_without_keys

    def broken(real: Callable[..., Any]) -> Callable[..., Any]:
        def ask(self: Column, names: Any) -> Any:
            if self.model is Flyer:
                raise OperationalError("canceling statement due to statement timeout")
            return real(self, names)

        return ask

    monkeypatch.setattr(Column, "find", broken(find))
    monkeypatch.setattr(Column, "find_without_keys", broken(among))
    Volume.objects.get(text=NAME).delete()
    purge_all()
    assert AuditEntry.objects.get().state == "in_use"
