"""The details of an event are texts for people, whatever is recorded in them."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.admin.audit import event_details as module
from moderation.admin.audit.event_details import event_details, event_summary
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType

POSTS = Removal(model_label="posts.Post")


def event(removal: Removal | None = None, **details: Any) -> AuditEvent:
    return AuditEvent(type=EventType.CONFIRM, removal=removal, details=details)


@pytest.mark.parametrize(
    ("details", "removal", "expected"),
    [
        ({}, None, ""),
        ({"reason": "spam"}, None, "Spam"),
        ({"reason": "illegal"}, None, "Illegal content"),
        ({"reason": "an old reason"}, None, "an old reason"),
        ({"note": "a wave"}, None, "Note: a wave"),
        ({"note": ""}, None, ""),
        ({"objects": 1}, POSTS, "1 post"),
        ({"objects": 1_300}, POSTS, "1,300 posts"),
        ({"objects": 2}, None, "2 objects"),
        ({"objects": 2}, Removal(model_label="shop.Gone"), "2 shop.Gone"),
        ({"files": 1}, None, "1 file"),
        ({"files": 2_600}, None, "2,600 files"),
        ({"batches": 1, "entries": 0}, None, "1 batch"),
        ({"batches": 2, "entries": 3}, None, "2 batches · 3 files"),
        ({"model": "posts.Post", "objects": 2, "reports": 1_300, "dismissal": "x"}, None,
         "2 posts · 1,300 reports"),
        ({"rows": 1}, None, "1 audit entry"),
        ({"rows": 64}, None, "64 audit entries"),
        ({"accounts": 1, "names": ["a"], "keys": ["1"]}, None, "1 account"),
        ({"accounts": 2_000}, None, "2,000 accounts"),
        ({"accounts": 1, "skipped": {"staff": 2}}, None, "1 account · Skipped: staff = 2"),
        ({"format": "csv", "rows": 2}, None, "2 audit entries · Format: csv"),
        ({"filters": {"state": "failed", "q": "a"}}, None, "Filters: state = failed, q = a"),
        ({"filters": {}}, None, ""),
        ({"replace": True}, None, "Replaced: yes"),
        ({"replace": False}, None, ""),
        ({"storage": "default", "environment": "staging"}, None,
         "Storage: default · Environment: staging"),
        ({"seal": "a" * 64, "permissions": ["a.b"], "identity": "x"}, None, ""),
        ({"files": "many"}, None, "many"),
        ({"an_unknown_detail": [1, "b"]}, None, "An unknown detail: 1, b"),
        ({"nested": {"a": [True, {"b": 1}]}}, None, "Nested: a = yes, b = 1"),
    ],
)  # fmt: skip
def test_summary_is_one_line_for_people(
    details: dict[str, Any], removal: Removal | None, expected: str
) -> None:
    assert event_summary(event(removal, **details)) == expected


def test_details_come_in_one_order_whatever_order_the_database_stores_them_in() -> None:
    details: dict[str, Any] = {
        "seal": "s",
        "files": 2,
        "unknown": "u",
        "note": "n",
        "reason": "spam",
    }
    shown = event_details(event(**details))
    assert shown == event_details(event(**dict(reversed(details.items()))))
    assert [label for label, _text in shown] == ["Reason", "Note", "Files", "Seal", "Unknown"]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"keys": ["1", "2"]}, "1, 2"),
        ({"keys": ["1", "2"], "objects": 2}, "1, 2"),
        ({"keys": ["1", "2"], "objects": 3}, "1, 2 and others"),
        ({"keys": 7, "objects": "many"}, "7"),
    ],
)
def test_keys_are_those_of_some_objects_or_of_all(details: dict[str, Any], expected: str) -> None:
    assert dict(event_details(event(**details)))["Keys"] == expected


def test_page_shows_the_technical_details_that_a_summary_leaves_out() -> None:
    details: dict[str, Any] = {
        "seal": "a" * 64,
        "permissions": ["posts.delete_post", "posts.delete_report"],
    }
    assert event_details(event(**details)) == [
        ("Permissions", "posts.delete_post, posts.delete_report"),
        ("Seal", "a" * 64),
    ]


def test_every_count_and_technical_detail_has_a_label() -> None:
    assert set(module.COUNTS) <= set(module.LABELS)
    assert set(module.TECHNICAL) <= set(module.LABELS)
