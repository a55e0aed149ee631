"""Rows reuse keys while others delete rows and purge: no row is left without its file."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from tests.helpers import stored
from tests.testapp.models import Shelf, Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]
on_postgresql = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time: nothing to race"
)

# The most seconds that one thread waits for another.
PATIENCE = 120
HALF = 0.5


def elsewhere(work: Callable[[], object]) -> object:
    """Run `work` to its end in another session of the database."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - handed to the test, which looks at it
            results.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    return results[0]


def purge_all() -> None:
    while purge_due_files():
        pass


def live_names() -> set[str]:
    return {name for pair in Volume.objects.values_list("text", "index") for name in pair if name}


@on_postgresql
def test_a_key_that_is_purged_before_the_transaction_with_its_new_row_commits() -> None:
    """There was no entry to lock: the other row still existed at the check."""
    name = stored("shared.txt", "attachments")
    Volume.objects.create(text=name)
    after_commit: list[str] = []

    @transaction.atomic
    def name_it_while_it_is_purged() -> None:
        transaction.on_commit(lambda: after_commit.append("others before it still run"))
        Volume.objects.create(index=name)
        Volume.objects.create(index=stored("innocent.txt", "attachments"))
        elsewhere(lambda: Volume.objects.filter(text=name).delete())
        elsewhere(purge_all)
        assert not storages["attachments"].exists(name)

    with pytest.raises(KeyTaken):
        name_it_while_it_is_purged()
    assert live_names() == {"innocent.txt"}
    assert after_commit
    purge_all()
    assert storages["attachments"].exists("innocent.txt")


@on_postgresql
def test_a_row_that_is_gone_again_when_its_transaction_commits_is_refused_nothing() -> None:
    name = stored("shared.txt", "attachments")
    Volume.objects.create(text=name)
    with transaction.atomic():
        with transaction.atomic():
            Volume.objects.create(index=name)
            transaction.set_rollback(True)
        volume = Volume.objects.create(index=name)
        volume.index = ""
        volume.save()
        elsewhere(lambda: Volume.objects.filter(text=name).delete())
        elsewhere(purge_all)
    assert Volume.objects.count() == 1


@on_postgresql
def test_a_key_in_use_is_locked_by_the_row_that_names_it_too() -> None:
    name = stored("shared.txt", "attachments")
    rows = [Volume.objects.create(text=name) for _ in range(2)]
    rows[0].delete()
    purge_all()
    assert AuditEntry.objects.get().state == "in_use"

    def free() -> list[int]:
        with transaction.atomic():
            entries = AuditEntry.objects.select_for_update(skip_locked=True)
            return list(entries.values_list("pk", flat=True))

    with transaction.atomic():
        Volume.objects.create(text=name)
        assert elsewhere(free) == []
    assert elsewhere(free) != []


Work = Callable[[random.Random, list[str]], object]


def save(chance: random.Random, names: list[str]) -> None:
    with transaction.atomic() if chance.random() < HALF else nullcontext():
        Volume.objects.create(**{chance.choice(["text", "index"]): chance.choice(names)})


def update(chance: random.Random, names: list[str]) -> None:
    if volume := Volume.objects.order_by("?").first():
        volume.text = chance.choice(names)
        volume.save()


def upload(chance: random.Random, names: list[str]) -> None:
    Volume.objects.create().text.save(chance.choice(names), ContentFile(b"new"))


def delete(_chance: random.Random, _names: list[str]) -> None:
    if volume := Volume.objects.order_by("?").first():
        volume.delete()


def purge(_chance: random.Random, _names: list[str]) -> None:
    purge_due_files()


@contextmanager
def ignoring_duplicate_insert() -> Iterator[None]:
    """Ignore the primary-key error when two threads insert a volume that a third has deleted.

    save() inserts a row if its UPDATE finds none.
    """
    try:
        yield
    except IntegrityError as error:
        if not re.search(r"library_volume(\.id|_pkey)\b", str(error)):
            raise


class Workers:
    """Threads that use the same names; each ends after some rounds, or when all are done."""

    def __init__(self, names: list[str]) -> None:
        self.names, self.errors, self.over = names, list[BaseException](), threading.Event()

    def start(self, work: Work, times: float, seed: int) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=[work, times, seed])
        thread.start()
        return thread

    def _run(self, work: Work, times: float, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        try:
            while times > 0 and not self.over.is_set():
                times -= 1
                # A taken key, a deadlock or a busy database: each is acceptable.
                with suppress(KeyTaken, OperationalError), ignoring_duplicate_insert():
                    work(chance, self.names)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.errors.append(error)
        finally:
            connections.close_all()


def test_whatever_happens_concurrently_no_row_is_left_without_its_file() -> None:
    """Some threads save, change, upload and delete under the same few names, and one purges."""
    names = [stored(f"{number}.txt", "attachments") for number in range(4)]
    Volume.objects.bulk_create([Volume(text=name) for name in names])
    workers = Workers(names)
    purging = workers.start(purge, float("inf"), 0)
    works: list[tuple[Work, int]] = [(save, 40), (save, 40), (update, 30), (upload, 20),
                                     (delete, 60), (delete, 60)]  # fmt: skip
    for thread in [workers.start(work, times, n) for n, (work, times) in enumerate(works)]:
        thread.join()
    workers.over.set()
    purging.join()
    assert workers.errors == []
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now())
    purge_all()
    missing = {name for name in live_names() if not storages["attachments"].exists(name)}
    assert missing == set()
    assert AuditEntry.objects.filter(state="erased").exists()
    assert not AuditEntry.objects.filter(state="pending", leased_until=None).exists()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[str]:
    """Create a second database with the volumes and without a log."""
    connections.settings["other"] = {
        **connection.settings_dict,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "other.sqlite3"),
        "OPTIONS": {},
    }
    wrapper: Any = connections["other"]
    # Django's tests refuse every database that did not exist when they began.
    wrapper.ensure_connection = lambda: wrapper.connection or wrapper.connect()
    with wrapper.schema_editor() as editor:
        editor.create_model(Shelf)
        editor.create_model(Volume)
    yield "other"
    connections["other"].close()
    del connections["other"], connections.settings["other"]


def test_rows_of_another_database_keep_and_are_refused_keys_of_this_one(other: str) -> None:
    def removed(name: str) -> str:
        Volume.objects.create(text=stored(name, "attachments")).delete()
        return name

    kept = removed("kept.txt")
    Volume(text=kept).save(using=other)
    with transaction.atomic(using=other):
        Volume(text=removed("in-transaction.txt")).save(using=other)
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"in_use"}
    claimed = removed("claimed.txt")
    claim(10)
    with pytest.raises(KeyTaken):
        Volume(text=claimed).save(using=other)
    assert Volume.objects.using(other).count() == 2


def test_a_row_of_another_database_that_rolls_back_keeps_nothing(other: str) -> None:
    Volume.objects.create(text=stored("text.txt", "attachments")).delete()
    with transaction.atomic(using=other):
        Volume(text="text.txt").save(using=other)
        transaction.set_rollback(True, using=other)
    assert AuditEntry.objects.get().state == "pending"
