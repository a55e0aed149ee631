"""Checks of the database and its settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings

from moderation.checks.database import check_engine, check_sqlite_transactions, check_time_zones

PSYCOPG_ANY = "django.db.backends.postgresql.psycopg_any"


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_the_site_itself_passes_all_checks() -> None:
    assert [*check_engine(), *check_time_zones(), *check_sqlite_transactions()] == []


def test_e026_a_database_that_has_no_such_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "mysql")
    monkeypatch.setattr(connection, "display_name", "MySQL")
    (message,) = check_engine()
    assert ids([message]) == ["moderation.E026"]
    assert "MySQL" in message.msg
    assert check_sqlite_transactions() == []


def test_e026_the_old_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    assert check_engine() == []
    monkeypatch.setattr(f"{PSYCOPG_ANY}.is_psycopg3", False)
    assert ids(check_engine()) == ["moderation.E026"]


@pytest.mark.django_db
def test_e027_local_times() -> None:
    with override_settings(USE_TZ=False):
        assert ids([each for each in run_checks() if each.id == "moderation.E027"])


@pytest.mark.parametrize("mode", [None, "DEFERRED", "immediate", "EXCLUSIVE"])
def test_w028_transactions_that_begin_as_readers(
    monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    options = connection.settings_dict["OPTIONS"] | {"transaction_mode": mode}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    expected = ["moderation.W028"] if mode in (None, "DEFERRED") else []
    assert ids(check_sqlite_transactions()) == expected
