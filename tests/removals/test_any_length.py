"""Names, keys and labels of any length can be deleted, found again and erased."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from moderation.admin.audit.search import search_entries
from moderation.lifecycle.removals import stop
from moderation.models import AuditEntry, AuditEvent, Removal, StorageIdentity
from moderation.models.key import INDEXED_CHARACTERS
from moderation.models.states import EventType
from moderation.recording import entries
from moderation.recording.attribution import NOBODY, DeletionContext
from moderation.recording.entries import write_entries
from moderation.registry.files import StoredFile

pytestmark = pytest.mark.django_db

# Text that PostgreSQL cannot compress: 975 of these characters do not fit into an index.
HANGUL = "".join(random.Random(7).sample([chr(c) for c in range(0xAC00, 0xD7A4)], 1024))  # noqa: S311 - any letters will do
LONG = [
    HANGUL[:975],
    HANGUL,
    "k" * INDEXED_CHARACTERS,
    "k" * (INDEXED_CHARACTERS + 1),
    "x" * 5000,
    "😀" * 1024,
]


def write(
    name: str, *, context: DeletionContext = NOBODY, key: Any = 1, **details: Any
) -> AuditEntry:
    """Write the entry of one file. The default storage accepts names of up to 1,024 characters."""
    file = StoredFile("posts.PostImage", key, "image", "default", name)
    write_entries({file: details}, context, connection.alias)
    return AuditEntry.objects.latest("pk")


@pytest.fixture(autouse=True)
def any_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the storage accept every name unchanged, as other storages may."""
    adapter = SimpleNamespace(key=lambda name: name, location=lambda: "/" + "deep/" * 900)
    monkeypatch.setattr(entries, "adapter_for", lambda _alias: adapter)


@pytest.mark.parametrize("name", LONG)
def test_a_long_name_is_kept_whole_and_found(name: str) -> None:
    other = write(name[:-1] + "!")
    entry = write(name)
    assert (entry.name, entry.key, len(entry.location)) == (name, name, 4501)
    for condition in (
        Q(key=name), Q(key__in=[name]), Q(key__any_of={name, "another"}), Q(key__startswith=name),
    ):  # fmt: skip
        assert list(AuditEntry.objects.filter(condition)) == [entry]
    both = AuditEntry.objects.filter(key__startswith=name[:-1]).order_by("pk")
    assert list(both) == [other, entry]
    assert list(search_entries(AuditEntry.objects.all(), name)) == [entry]


@pytest.mark.parametrize("text", ["100%", "under_score", "back\\slash", "it's", 'a{b},"c"'])
def test_a_key_is_compared_letter_by_letter(text: str) -> None:
    write("100 percent underXscore")
    entry = write(text)
    assert list(AuditEntry.objects.filter(key=text)) == [entry]
    assert list(AuditEntry.objects.filter(key__any_of=[text])) == [entry]
    assert list(AuditEntry.objects.filter(key__startswith=text)) == [entry]
    assert not AuditEntry.objects.filter(key__any_of=[]).exists()
    assert not AuditEntry.objects.filter(key="").exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite's plans are other ones")
@pytest.mark.parametrize("key", ["posts/a.jpg", "k" * 3000])
def test_a_key_is_found_by_the_index(key: str) -> None:
    conditions = [Q(key=key), Q(key__any_of={key, "b"}), Q(key__startswith=key)]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for condition in conditions:
            assert "entry_key" in AuditEntry.objects.filter(condition).explain()


def test_what_identifies_is_never_cut() -> None:
    actor = DeletionContext(actor=1, actor_name="n" * 400, removal=None)
    entry = write(
        "a.jpg", context=actor, key="p" * 2000, parent_key="q" * 2000, parent_label="l" * 300
    )
    assert (entry.object_key, entry.parent_key) == ("p" * 2000, "q" * 2000)
    assert (entry.parent_label, entry.actor_name) == ("l" * 300, "n" * 400)


def test_labels_aliases_and_people_may_have_long_names() -> None:
    person = User(pk=1, username="n" * 400)
    removal = Removal.objects.create(model_label="m" * 300, actor_name="n" * 400, state="deleting")
    removal.batches.create(number=1)
    stop(removal, actor=person)
    removal.refresh_from_db()
    assert (removal.actor_name, removal.model_label) == ("n" * 400, "m" * 300)
    assert AuditEvent.objects.get(type=EventType.STOP).actor_name == "n" * 400
    mark = StorageIdentity.objects.create(alias="a" * 300, environment="e" * 300)
    assert StorageIdentity.objects.get(alias="a" * 300, environment="e" * 300) == mark


@pytest.mark.parametrize(
    ("size", "stored"),
    [(5, 5), (-1, None), (2**63, None), ("x", None), (float("inf"), None), (None, None)],
)
def test_a_size_that_is_none_keeps_no_row_from_being_deleted(size: Any, stored: int | None) -> None:
    assert write("a.jpg", size=size).size == stored


def test_a_digest_of_any_sort_is_kept_and_a_whole_file_is_not() -> None:
    assert write("a.jpg", sha256="sha512:" + "f" * 128).sha256 == "sha512:" + "f" * 128
    assert write("b.jpg", sha256="f" * 100_000).sha256 is None


@pytest.mark.parametrize("name", ["a\0b.jpg", "a\udcffb.jpg"])
def test_a_name_that_no_database_holds_is_written_with_escapes_and_failed(name: str) -> None:
    entry = write(name, title="t\0\ud800", owner="o")
    assert (entry.state, entry.error_code) == ("failed", "BadName")
    assert entry.name == name.encode("unicode_escape").decode()
    assert entry.title == "t\\x00\\ud800"
    assert write("fine.jpg", title="t\0").state == "pending"
