"""Actions from a terminal are in the audit log as well, with the user's name."""

from __future__ import annotations

import getpass
import os

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.test import override_settings

from moderation.models import AuditEntry, AuditEvent
from moderation.storage.base import IDENTITY_FILE
from tests.admin.audit.conftest import entry_of

pytestmark = pytest.mark.django_db(transaction=True)


def events() -> list[tuple[str, dict[str, object]]]:
    found = AuditEvent.objects.order_by("pk")
    assert {event.actor_name for event in found} <= {f"{getpass.getuser()} (terminal)"}
    return [(event.type, event.details) for event in found]


def test_retry_of_failed_files_is_an_event() -> None:
    entry_of(None, "a", state="failed")
    call_command("purge", "--retry-failed")
    assert events() == [("retry", {"entries": 1})]
    assert AuditEntry.objects.get().state == "pending"


def test_retry_of_nothing_is_none() -> None:
    call_command("purge", "--retry-failed")
    assert events() == []


def test_marking_a_storage_is_an_event_once() -> None:
    call_command("mark_storage", "default")
    call_command("mark_storage", "default")
    ((event_type, details),) = events()
    assert (event_type, details["storage"], details["replace"]) == ("mark", "default", False)


def test_each_replacing_of_a_storage_identity_is_an_event() -> None:
    call_command("mark_storage", "default")
    storages["default"].delete(IDENTITY_FILE)
    call_command("mark_storage", "default", "--replace")
    with override_settings(ENVIRONMENT="elsewhere"):
        storages["default"].delete(IDENTITY_FILE)
        call_command("mark_storage", "default", "--replace")
    found = [
        (event_type, details["replace"], details["environment"]) for event_type, details in events()
    ]
    assert [each[:2] for each in found] == [("mark", False), ("mark", True), ("mark", True)]
    assert found[-1][2] == "elsewhere"


def test_a_user_without_a_name_is_recorded_by_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 54321")

    entry_of(None, "a", state="failed")
    monkeypatch.setattr(getpass, "getuser", nameless)
    call_command("purge", "--retry-failed")
    assert AuditEvent.objects.get().actor_name == f"uid {os.getuid()} (terminal)"
