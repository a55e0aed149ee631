"""The audit log from the terminal: whole or not at all, and noted."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from moderation.export.formats import CSV
from moderation.models import AuditEntry, AuditEvent

pytestmark = pytest.mark.django_db


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
    return [row["key"] for row in csv.DictReader(path.read_text().splitlines())]


def test_all_entries_are_written_and_the_export_is_noted(
    entries: list[AuditEntry], tmp_path: Path
) -> None:
    assert exported(tmp_path / "log.csv") == [entry.key for entry in entries]
    event = AuditEvent.objects.get()
    assert (event.kind, event.details["rows"], event.details["filters"]) == ("export", 5, {})


def test_options_choose(entries: list[AuditEntry], tmp_path: Path) -> None:
    today = f"{timezone.now():%Y-%m-%d}"
    assert exported(tmp_path / "1.csv", removal=2) == ["k1", "k3"]
    assert exported(tmp_path / "2.csv", state="erased") == []
    assert len(exported(tmp_path / "3.csv", first=today, last=today)) == 5
    assert exported(tmp_path / "4.csv", last="2020-01-01") == []
    call_command("export_audit", tmp_path / "5.jsonl", format="jsonl", removal=1)
    lines = (tmp_path / "5.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["k0", "k2", "k4"]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01"])
def test_a_day_that_is_none_is_refused(day: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="YYYY-MM-DD"):
        call_command("export_audit", tmp_path / "log.csv", first=day)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("mine")
    with pytest.raises(CommandError, match="already"):
        call_command("export_audit", path)
    assert path.read_text() == "mine"


def test_half_a_log_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        yield b"half"
        raise KeyboardInterrupt

    monkeypatch.setattr(CSV, "chunks", broken)
    with pytest.raises(KeyboardInterrupt):
        call_command("export_audit", tmp_path / "log.csv")
    assert list(tmp_path.glob("*.csv")) == []
