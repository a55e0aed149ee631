"""The audit log from the terminal: whole or not at all, and noted."""

from __future__ import annotations

import csv
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from moderation.export.formats import CSV
from moderation.models import AuditEntry, AuditEvent
from tests.services.processes import running, wait_until
from tests.services.workers import environment

pytestmark = pytest.mark.django_db

# The command as a program of its own, in the middle of the file for as long as the test likes.
HANGING = """
import sys, time, django
django.setup()
from django.core.management import call_command
from moderation.export.formats import CSV

def write(_format, _entries, file):
    file.write(b"half")
    file.flush()
    time.sleep(60)
    yield 1

CSV.write = write
call_command("export_audit", sys.argv[1])
"""


@pytest.fixture
def entries() -> list[AuditEntry]:
    now = timezone.now()
    return AuditEntry.objects.bulk_create(
        AuditEntry(
            storage="default", key=f"k{n}", name=f"k{n}", object_label="posts.PostImage",
            object_key=str(n), removal_id=n % 2 + 1, recorded_at=now, due_at=now,
        )
        for n in range(5)
    )  # fmt: skip


def exported(path: Path, **options: object) -> list[str]:
    call_command("export_audit", path, **options)
    return [row["key"] for row in csv.DictReader(path.read_text("utf-8-sig").splitlines())]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("log.csv*"))


def test_all_entries_are_written_and_the_export_is_recorded(
    entries: list[AuditEntry], tmp_path: Path
) -> None:
    assert exported(tmp_path / "log.csv") == [entry.key for entry in entries]
    event = AuditEvent.objects.get()
    assert (event.type, event.details["rows"], event.details["filters"]) == ("export", 5, {})


def test_the_options_select_entries(entries: list[AuditEntry], tmp_path: Path) -> None:
    today = f"{timezone.now():%Y-%m-%d}"
    assert exported(tmp_path / "1.csv", removal=2) == ["k1", "k3"]
    assert exported(tmp_path / "2.csv", state="erased") == []
    assert len(exported(tmp_path / "3.csv", first=today, last=today)) == 5
    assert exported(tmp_path / "4.csv", last="2020-01-01") == []
    call_command("export_audit", tmp_path / "5.jsonl", format="jsonl", removal=1)
    lines = (tmp_path / "5.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["k0", "k2", "k4"]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01"])
def test_an_invalid_day_is_refused(day: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="YYYY-MM-DD"):
        call_command("export_audit", tmp_path / "log.csv", first=day)


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("mine")
    with pytest.raises(CommandError, match="already"):
        call_command("export_audit", path)
    assert path.read_text() == "mine"


def test_a_partial_file_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_format: object, _entries: object, file: BinaryIO) -> Iterator[int]:
        file.write(b"half")
        yield 1
        raise KeyboardInterrupt

    monkeypatch.setattr(CSV, "write", broken)
    with pytest.raises(KeyboardInterrupt):
        call_command("export_audit", tmp_path / "log.csv")
    assert names(tmp_path) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_leaves_nothing_under_the_name_and_the_next_one_is_whole(
    number: signal.Signals, entries: list[AuditEntry], tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    command = [sys.executable, "-c", HANGING, str(path)]
    with running(command, log=tmp_path / "output", env=environment()) as process:
        wait_until(lambda: names(tmp_path), what=f"the file ({tmp_path})")
        process.send_signal(number)
        assert process.wait(20) == -number
    assert names(tmp_path) == ["log.csv.part"]
    assert exported(path) == [entry.key for entry in entries]
    assert names(tmp_path) == ["log.csv"]


def test_a_file_that_was_created_in_the_meantime_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.csv"

    def slow(_format: object, _entries: object, file: BinaryIO) -> Iterator[int]:
        file.write(b"log")
        yield 1
        path.write_text("mine")

    monkeypatch.setattr(CSV, "write", slow)
    with pytest.raises(CommandError, match="already"):
        call_command("export_audit", path)
    assert path.read_text() == "mine"
    assert names(tmp_path) == ["log.csv"]


def test_of_two_exports_into_one_file_the_second_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.csv"

    def first(_format: object, _entries: object, file: BinaryIO) -> Iterator[int]:
        file.write(b"first")
        yield 1
        monkeypatch.setattr(CSV, "write", second)
        call_command("export_audit", path)

    def second(_format: object, _entries: object, file: BinaryIO) -> Iterator[int]:
        file.write(b"second")
        yield 1

    monkeypatch.setattr(CSV, "write", first)
    with pytest.raises(CommandError, match="already"):
        call_command("export_audit", path)
    assert path.read_text() == "second"


def test_an_export_does_not_delete_the_file_of_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, part = tmp_path / "log.csv", tmp_path / "log.csv.part"

    def ousted(_format: object, _entries: object, file: BinaryIO) -> Iterator[int]:
        file.write(b"first")
        yield 1
        part.unlink()
        part.write_text("second, in the middle")

    monkeypatch.setattr(CSV, "write", ousted)
    with pytest.raises(CommandError, match="Another export"):
        call_command("export_audit", path)
    assert part.read_text() == "second, in the middle"
    assert not path.exists()
