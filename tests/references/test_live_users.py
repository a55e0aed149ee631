"""A file is kept while any row of any model uses it, in any spelling and by any storage object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.references import databases, queries
from moderation.storage import write_identity
from tests.testapp import storage as library_storage
from tests.testapp.models import Case, Exhibit, Piece, Volume
from tests.testapp.models_references import Clipping, Copy, Flyer, LargeFlyer, Leaflet

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "prints/2026/spring.pdf"


class Renamed(FileSystemStorage):
    """A custom storage class that changes nothing."""


@pytest.fixture(autouse=True)
def marks(transactional_db: None) -> None:
    write_identity("attachments")


@pytest.fixture
def live_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Storage], None]:
    """Return a function that gives the flyers' field another storage for one test."""

    def give(storage: Storage) -> None:
        monkeypatch.setattr(Flyer._meta.get_field("sheet"), "storage", storage)

    return give


def root() -> str:
    return str(library_storage.ATTACHMENTS["OPTIONS"]["location"])


def purge_after_deleting(name: str = NAME) -> str:
    """Store a file, delete the registered row that names it, purge; return the entry's state."""
    if not storages["attachments"].exists(name):
        storages["attachments"].save(name, ContentFile(b"x"))
    Volume.objects.bulk_create([Volume(text=name)])
    Volume.objects.get(text=name).delete()
    while purge_due_files():
        pass
    entry = AuditEntry.objects.get(name=name)
    assert storages["attachments"].exists(name) == (entry.state == "in_use")
    return str(entry.state)


def hidden(name: str) -> None:
    Flyer.objects.bulk_create([Flyer(sheet=name, is_hidden=True)])


def with_a_back(name: str) -> None:
    LargeFlyer(back=name).save()


def counted(name: str) -> None:
    leaflets: models.QuerySet[Leaflet] = models.QuerySet(Leaflet)
    leaflets.bulk_create([Leaflet(scan=name), Leaflet(scan=name)])


def copied(name: str) -> None:
    leaflet = Leaflet(scan="")
    leaflets: models.QuerySet[Leaflet] = models.QuerySet(Leaflet)
    leaflets.bulk_create([leaflet])
    Copy.objects.bulk_create([Copy(leaflet=leaflet, number=n, scan=name) for n in (1, 2)])


@pytest.mark.parametrize("used", [hidden, with_a_back, counted, copied])
def test_no_manager_inheritance_or_key_hides_a_row(used: Callable[[str], None]) -> None:
    used(NAME)
    assert purge_after_deleting() == "in_use"


def test_the_entry_names_the_row_that_uses_its_file() -> None:
    case = Case.objects.create(exhibit=Exhibit.objects.create())
    Piece.objects.bulk_create(Piece(case=case, picture=NAME) for _ in range(2))
    assert purge_after_deleting() == "in_use"
    because = AuditEntry.objects.get().in_use_reason
    assert because.startswith("still used by library.Piece.picture ")
    assert int(because.split()[-1]) in set(Piece.objects.values_list("pk", flat=True))


def test_a_file_that_nobody_uses_is_erased_beside_those_models() -> None:
    for used in (hidden, with_a_back, counted, copied):
        used("another.pdf")
    assert purge_after_deleting() == "erased"


@pytest.mark.parametrize(
    "storage",
    [
        lambda: FileSystemStorage(location=root(), base_url="/elsewhere/"),
        lambda: Renamed(location=root()),
        lambda: FileSystemStorage(location=f"{root()}/../{Path(root()).name}"),
    ],
)
def test_a_storage_object_of_another_make_is_the_same_folder(
    live_in: Callable[[Storage], None], storage: Callable[[], Storage]
) -> None:
    live_in(storage())
    hidden(NAME)
    assert purge_after_deleting() == "in_use"


def test_a_folder_is_recognised_through_a_symbolic_link(
    live_in: Callable[[Storage], None], tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(root())
    live_in(FileSystemStorage(location=tmp_path / "link"))
    hidden(NAME)
    assert purge_after_deleting() == "in_use"


@pytest.mark.parametrize(
    ("below", "name", "state"),
    [
        ("prints", "2026/spring.pdf", "in_use"),
        ("prints", NAME, "erased"),
        ("print", "s/2026/spring.pdf", "erased"),
        ("..", f"{{root}}/{NAME}", "in_use"),
        ("../elsewhere", NAME, "erased"),
    ],
)
def test_folders_inside_one_another_are_compared_by_the_whole_path(
    live_in: Callable[[Storage], None], below: str, name: str, state: str
) -> None:
    live_in(FileSystemStorage(location=Path(root()) / below))
    hidden(name.format(root=Path(root()).name))
    assert purge_after_deleting() == state


SPELLED = [
    "./prints/2026/spring.pdf",
    "prints//2026/spring.pdf",
    "prints/2026//spring.pdf",
    "prints/./2026/spring.pdf",
    "prints/2026/../2026/spring.pdf",
    "prints/../prints/2026/spring.pdf",
    ".//prints///2026/./spring.pdf",
    "{root}/prints/2026/spring.pdf",
    "{root}//prints/2026/spring.pdf",
]


def test_a_row_may_spell_the_name_in_another_way() -> None:
    states = {}
    for number, spelled in enumerate(SPELLED):
        hidden(spelled.format(root=root()).replace("spring", f"spring{number}"))
        states[spelled] = purge_after_deleting(NAME.replace("spring", f"spring{number}"))
    assert set(states.values()) == {"in_use"}, states


@pytest.mark.parametrize("spelled", ["./prints/2026/spring.pdf", "{root}/prints/2026/spring.pdf"])
def test_a_table_with_only_odd_names_is_not_read_completely(
    spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_ODD_NAMES", 3)
    monkeypatch.setattr("moderation.references.search.MAX_ODD_NAMES", 3)
    for n in range(9):
        hidden(spelled.format(root=root()).replace("spring", f"a{n}"))
    hidden(spelled.format(root=root()))
    assert purge_after_deleting() == "in_use"


class InFolders(FileSystemStorage):
    """A storage of a site's own, which puts each name into a folder that it works out."""

    def path(self, name: str) -> str:
        return super().path(f"prints/2026/{name}" if "/" not in name else name)


@pytest.mark.parametrize(("name", "state"), [("spring.pdf", "in_use"), ("autumn.pdf", "erased")])
def test_a_storage_that_chooses_folders_decides_which_key_a_name_has(
    live_in: Callable[[Storage], None], name: str, state: str
) -> None:
    live_in(InFolders(location=root()))
    hidden(name)
    assert purge_after_deleting() == state


def test_a_name_that_only_looks_alike_uses_nothing() -> None:
    for name in (".prints/2026/spring.pdf", "prints/2026/spring.pdf2", "prints\\2026\\spring.pdf"):
        hidden(name)
    assert purge_after_deleting() == "erased"


def test_a_field_without_a_known_location_is_searched_by_name(
    live_in: Callable[[Storage], None],
) -> None:
    live_in(Storage())
    hidden(NAME)
    assert purge_after_deleting() == "in_use"


class Broken(Storage):
    """A storage whose options are wrong."""

    @property
    def location(self) -> str:
        raise RuntimeError("no such account")


def test_a_storage_that_cannot_be_created_does_not_stop_the_search(
    live_in: Callable[[Storage], None],
) -> None:
    live_in(Broken())
    hidden(NAME)
    assert purge_after_deleting() == "in_use"
    assert purge_after_deleting("prints/2026/autumn.pdf") == "erased"


def test_it_takes_as_many_queries_for_any_number_of_keys() -> None:
    def queries_for(count: int) -> int:
        names = [f"prints/{count}-{n}.pdf" for n in range(count)]
        Volume.objects.bulk_create(Volume(text=name) for name in names)
        Volume.objects.filter(text__in=names).delete()
        with CaptureQueriesContext(connection) as captured:
            claim(1000)
        return len(captured)

    queries_for(1)  # reads the lists of tables
    assert queries_for(10) == queries_for(100)


@pytest.mark.parametrize("table", ["library_clipping", "Mixed Case", "a_very_long_name_" * 5])
def test_a_new_table_is_searched_whatever_its_name_is(
    monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    assert purge_after_deleting("before.pdf") == "erased"  # reads the list of tables
    monkeypatch.setattr(Clipping._meta, "db_table", table)
    forget_columns(Clipping)
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE "{table}" (id integer PRIMARY KEY, scan varchar(100))')
    Clipping.objects.bulk_create([Clipping(pk=1, scan=NAME)])
    try:
        assert purge_after_deleting() == "in_use"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE "{table}"')
        databases.clear_table_cache()
        monkeypatch.undo()
        forget_columns(Clipping)


def forget_columns(model: type[models.Model]) -> None:
    """Have fields speak of their table by the name that it has now."""
    for field in model._meta.local_fields:
        field.__dict__.pop("cached_col", None)
