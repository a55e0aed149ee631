"""The export of audit entries: what is in it, who gets it, and what is noted of it."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from tempfile import TemporaryFile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from moderation.admin.audit import export
from moderation.export import formats
from moderation.export.formats import CSV, XLSX, JSONLines
from moderation.export.resource import COLUMNS
from moderation.models import AuditEntry, AuditEvent
from tests.admin.audit.conftest import entry_of, person, removal_of

EXPORT = "admin:moderation_auditentry_export"
SIGNS = "=+-@＝＋－＠"
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "﹦1", " =1", "\u00a0=1",
    "\ufeff=1", "\u200b=1", "\u3000=1", "\x0b=1", "foo;=HYPERLINK(1)", "foo; =1", "a|+1", "a\n=1",
    "a\n\n@1", "; \ufeff-1",
]  # fmt: skip


@pytest.fixture
def audit_client(auditor: User, logged_in: Callable[[User], Client]) -> Client:
    return logged_in(auditor)


def exported(client: Client, file_format: type, query: str = "") -> bytes:
    """Return the file that the page sends."""
    chosen = {"format": formats.FORMATS.index(file_format), "resource": 0}
    response: Any = client.post(reverse(EXPORT) + query, chosen)
    assert response.streaming
    return b"".join(response)


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def rows_of_xlsx(content: bytes) -> list[dict[str, Any]]:
    header, *rows = load_workbook(io.BytesIO(content), read_only=True).active.iter_rows(
        values_only=True
    )
    return [dict(zip(header, row, strict=True)) for row in rows]


def rows_of_jsonl(content: bytes) -> list[dict[str, Any]]:
    lines = content.decode().split("\n")
    assert lines.pop() == ""  # each line is ended, the last one too
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("codes", [("view_auditentry",), ("export_auditentry",), ()])
def test_the_export_needs_its_permission_and_that_to_view_entries(
    db: None, codes: tuple[str, ...], logged_in: Callable[[User], Client]
) -> None:
    client = logged_in(person("staff", *codes))
    assert client.get(reverse(EXPORT)).status_code == 403
    assert client.post(reverse(EXPORT), {"format": 0, "resource": 0}).status_code == 403
    assert not AuditEvent.objects.exists()


def test_the_change_list_offers_the_export_only_to_users_who_may_export(
    audit_client: Client, logged_in: Callable[[User], Client]
) -> None:
    listed = reverse("admin:moderation_auditentry_changelist")
    viewer = logged_in(person("viewer", "view_auditentry"))
    assert [reverse(EXPORT) in c.get(listed).text for c in (audit_client, viewer)] == [True, False]


def test_a_user_exports_only_the_entries_that_they_may_view(
    logged_in: Callable[[User], Client],
) -> None:
    user = person("mixed", "view_own_auditentry", "export_auditentry")
    entry_of(removal_of(user), "own")
    entry_of(removal_of(person("other")), "foreign")
    assert [row["key"] for row in rows_of_csv(exported(logged_in(user), CSV))] == ["own"]


@pytest.mark.parametrize("query", ["?state__exact=failed", "?q=posts/b", "?actor=second"])
def test_export_holds_what_the_filters_and_the_search_show(
    db: None, query: str, audit_client: Client
) -> None:
    entry_of(removal_of(person("first")), "posts/a")
    entry_of(removal_of(person("second")), "posts/b", state="failed")
    for file_format, read in ((CSV, rows_of_csv), (XLSX, rows_of_xlsx), (JSONLines, rows_of_jsonl)):
        rows: Any = read(exported(audit_client, file_format, query))
        assert [row["key"] for row in rows] == ["posts/b"]
    assert "1 audit entry will be exported" in audit_client.get(reverse(EXPORT) + query).text


def test_columns_are_the_same_in_each_format(audit_client: Client) -> None:
    entry_of(removal_of(person("somebody")), "a", size=5, versions=[{"id": "1"}])
    files = [exported(audit_client, each) for each in (CSV, XLSX, JSONLines)]
    found = [rows_of_csv(files[0])[0], rows_of_xlsx(files[1])[0], rows_of_jsonl(files[2])[0]]
    assert [tuple(row) for row in found] == [COLUMNS] * 3
    assert [row["size"] for row in found] == ["5", 5, 5]
    assert [row["versions"] for row in found] == ['[{"id": "1"}]'] * 2 + [[{"id": "1"}]]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_a_cell_is_escaped(text: str, audit_client: Client) -> None:
    entry_of(None, "key", title=text, owner=text, name=text, error=text)
    content = exported(audit_client, CSV)
    for column in ("title", "owner", "name", "error"):
        assert rows_of_csv(content)[0][column].replace("'", "") == text
    assert not any(map(would_run, cells_by_any_separator(content)))
    in_sheet = rows_of_xlsx(exported(audit_client, XLSX))[0]["title"]
    assert not would_run(in_sheet)
    assert rows_of_jsonl(exported(audit_client, JSONLines))[0]["title"] == text


def cells_by_any_separator(content: bytes) -> list[str]:
    """Return the cells that spreadsheets in different locales would find."""
    text = content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return cells + re.split(r"[;|\t\r\n]", text)


def would_run(cell: str) -> bool:
    return cell.strip(' \t\r\n\x0b\u00a0\u200b\u3000\ufeff"')[:1] in {*SIGNS, "﹦"}


@pytest.mark.parametrize("text", ["plain", "a=b", "1+1", "a-thumb.webp", "x;y", "mail@host", "Ü"])
def test_a_cell_without_a_formula_is_unchanged(text: str, audit_client: Client) -> None:
    entry_of(None, text)
    assert rows_of_csv(exported(audit_client, CSV))[0]["key"] == text
    assert rows_of_xlsx(exported(audit_client, XLSX))[0]["key"] == text


def test_spreadsheets_know_the_encoding_of_csv(audit_client: Client) -> None:
    assert exported(audit_client, CSV).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("character", ["\x0b", "\ufffe", "\uffff"])
def test_characters_that_xml_does_not_allow_are_replaced_in_a_workbook(
    character: str, audit_client: Client
) -> None:
    entry_of(None, f"a{character}b")
    assert rows_of_xlsx(exported(audit_client, XLSX))[0]["key"] == "a�b"


def test_a_workbook_that_would_truncate_a_text_is_refused(audit_client: Client) -> None:
    entry_of(None, "a", versions=["x" * 32_767])
    answer = audit_client.post(reverse(EXPORT), {"format": formats.FORMATS.index(XLSX)})
    message = "“versions” is longer than 32,767 characters, the limit of a cell. Choose CSV"
    assert message in answer.text
    assert not AuditEvent.objects.exists()
    assert len(rows_of_csv(exported(audit_client, CSV))[0]["versions"]) > 32_767


@pytest.mark.parametrize("file_format", formats.FORMATS)
def test_event_counts_the_entries_that_the_file_holds(
    file_format: Any, audit_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that are recorded while the file is written are either in both or in neither."""
    entry_of(None, "before")
    write = file_format.write

    def late(*args: Any) -> Iterator[int]:
        entry_of(None, "as it begins")
        for rows in write(*args):
            entry_of(None, "while it is read")
            yield rows

    monkeypatch.setattr(file_format, "write", late)
    chosen = {"format": formats.FORMATS.index(file_format), "resource": 0}
    response: Any = audit_client.post(reverse(EXPORT), chosen)
    entry_of(None, "before it is sent")
    read = {CSV: rows_of_csv, XLSX: rows_of_xlsx, JSONLines: rows_of_jsonl}[file_format]
    assert len(read(b"".join(response))) == AuditEvent.objects.get().details["rows"] == 2


def test_an_export_with_a_full_disk_shows_a_message(
    audit_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Iterator[int]:
        yield 0
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(CSV, "write", full)
    answer = audit_client.post(reverse(EXPORT), {"format": 0, "resource": 0})
    assert "could not write the file (No space left on device)" in answer.text
    assert not AuditEvent.objects.exists()


def test_times_are_iso_8601_in_utc(audit_client: Client) -> None:
    at = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    entry_of(None, "a", erased_at=at)
    expected = "2026-02-28T23:30:00.000000Z"
    assert rows_of_csv(exported(audit_client, CSV))[0]["erased_at"] == expected
    assert rows_of_jsonl(exported(audit_client, JSONLines))[0]["erased_at"] == expected


def test_export_is_an_event_before_its_first_byte(auditor: User, audit_client: Client) -> None:
    entry_of(None, "posts/a", state="failed")
    response = audit_client.post(
        reverse(EXPORT) + "?state__exact=failed&q=posts&p=1&o=1", {"format": 0, "resource": 0}
    )
    event = AuditEvent.objects.get()  # nothing of the answer was read yet
    assert (event.type, event.actor, event.actor_name) == ("export", auditor, "auditor")
    assert event.details == {
        "format": "csv",
        "filters": {"state__exact": "failed"},
        "search": "posts",
        "rows": 1,
    }
    response.close()


def test_every_value_of_a_repeated_filter_is_recorded(audit_client: Client) -> None:
    for state in ("failed", "erased", "pending"):
        entry_of(None, state, state=state)
    url = reverse(EXPORT) + "?state__exact=failed&state__exact=erased"
    response = audit_client.post(url, {"format": 0, "resource": 0})
    details = AuditEvent.objects.get().details
    assert details["rows"] == 2
    assert details["filters"] == {"state__exact": "failed, erased"}
    response.close()


def test_viewing_the_page_is_not_recorded_as_an_export(audit_client: Client) -> None:
    assert audit_client.get(reverse(EXPORT)).status_code == 200
    assert audit_client.post(reverse(EXPORT), {"format": "9", "resource": 0}).status_code == 200
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("file_format", formats.FORMATS)
def test_a_file_is_written_in_chunks_of_limited_size(
    file_format: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "CHUNK_ROWS", 10)
    for number in range(25):
        entry_of(None, f"key {number}")
    with TemporaryFile() as file:
        assert list(file_format().write(AuditEntry.objects.all(), file)) == [10, 10, 5]


def test_empty_export_is_a_valid_file(audit_client: Client) -> None:
    assert rows_of_csv(exported(audit_client, CSV)) == []
    assert rows_of_xlsx(exported(audit_client, XLSX)) == []
    assert exported(audit_client, JSONLines) == b""


def test_workbook_over_its_row_limit_is_refused_and_csv_offered(
    audit_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "COUNTED_ROWS", 2)
    for number in range(3):
        entry_of(None, f"key {number}")
    answer = audit_client.post(reverse(EXPORT), {"format": formats.FORMATS.index(XLSX)})
    assert "XLSX can hold at most 1,048,575 audit entries" in answer.text
    assert "Choose CSV" in answer.text
    assert not AuditEvent.objects.exists()
    assert len(rows_of_csv(exported(audit_client, CSV))) == 3
    assert AuditEvent.objects.get().details["rows"] == 3


def test_keys_that_a_request_names_are_not_exported(audit_client: Client) -> None:
    sent = {"format": 0, "resource": 0, "export_items": [entry_of(None, "a").pk]}
    response = audit_client.post(reverse(EXPORT), sent)
    assert not response.streaming
    assert not AuditEvent.objects.exists()


def test_page_has_no_script_inside(audit_client: Client) -> None:
    text = audit_client.get(reverse(EXPORT)).text
    assert not re.search(r"<[^>]+\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", text)
