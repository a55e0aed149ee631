"""A search of the audit log finds a file by whatever an auditor has of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from moderation.admin.audit import search
from moderation.admin.audit.search import search_entries
from moderation.models import AuditEntry
from tests.admin.audit.conftest import entry_of

pytestmark = pytest.mark.django_db

DIGEST = "ab" * 32
LONG = "posts/" + "x" * 700 + ".jpg"
# Keys, each with its SHA-256.
ENTRIES: dict[str, str | None] = {
    "posts/2026/11/a.jpg": DIGEST,
    "posts/2026/11/b.jpg": None,
    "posts/2026/12/a.jpg": "cd" * 32,
    "other/ä b.png": None,
    "100%_sure.png": None,
    "100percent.png": None,
    LONG: None,
}
A, B, DECEMBER, UMLAUT, PERCENT, PLAIN, OF_LONG = ENTRIES


@pytest.fixture(autouse=True)
def entries() -> None:
    for key, digest in ENTRIES.items():
        entry_of(None, key, sha256=digest)


def found(term: str) -> set[str]:
    return set(search_entries(AuditEntry.objects.all(), term).values_list("key", flat=True))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("", set(ENTRIES)),
        (A, {A}),
        ("posts/2026/11/", {A, B}),
        ("posts/", {A, B, DECEMBER, OF_LONG}),
        ("a.jpg", set()),  # the end of a key, which no index finds
        ("./posts/2026/12/a.jpg", {DECEMBER}),
        (f"/media/{A}", {A}),
        (f"https://example.org/media/{A}", {A}),
        (f"https://s3.local:9000/box/{A}?X-Amz-Signature=abc", {A}),
        (f"http://example.org/a/b/c/{A}#top", {A}),
        ("https://example.org/media/other/%C3%A4%20b.png", {UMLAUT}),
        ("other/ä b.png", {UMLAUT}),
        ("OTHER/ä b.png", set()),
        ("100%", {PERCENT}),
        ("100%_sure", {PERCENT}),
        ("100", {PERCENT, PLAIN}),
        ("100_", set()),
        (DIGEST, {A}),
        (DIGEST.upper(), {A}),
        (DIGEST[:63], set()),
        (LONG, {OF_LONG}),
        (LONG[:650], {OF_LONG}),
        (LONG[:600], {OF_LONG}),
        ("posts/" + "x" * 701, set()),
        ("../../etc/passwd", set()),
        ("https://", set()),
        ("https://[broken/media/a.jpg", set()),
        ("/", set()),
        ("\\", set()),
        ("'; DROP TABLE moderation_auditentry; --", set()),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, str) else "",
)
def test_entries_are_found_by(term: str, expected: set[str]) -> None:
    assert found(term) == expected


def test_storage_that_is_no_longer_in_the_settings_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "known_storages", lambda: ["gone", "default"])
    assert found(f"/media/{A}") == {A}


@pytest.mark.parametrize("more", [0, 1])
def test_only_some_folders_of_a_url_may_precede_the_key(more: int) -> None:
    folders = "/".join(["f"] * (search.MAX_FOLDERS + more))
    assert found(f"https://example.org/{folders}/{A}") == (set() if more else {A})


def test_number_of_queries_does_not_depend_on_the_term(django_assert_num_queries: Any) -> None:
    for term in (A, f"https://example.org/a/b/{A}", DIGEST):
        with django_assert_num_queries(2):
            found(term)


@pytest.mark.parametrize("term", [A, "posts/", DIGEST, "https://example.org/media/" + A])
def test_search_reads_an_index(term: str) -> None:
    plan = search_entries(AuditEntry.objects.order_by(), term).explain()
    if connection.vendor == "sqlite":
        assert "SCAN moderation_auditentry" not in plan
