"""Fixtures for every test: storage of its own, and the real parts that a test may ask for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep SQLite's test database in a file: worker processes and locks need a real one."""
    if connection.vendor == "sqlite":
        path = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(path)


@pytest.fixture(autouse=True)
def fresh_storage(tmp_path: Path) -> Iterator[None]:
    """Point the default storage to an empty folder, so that no test writes into `var/`."""
    storages = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "media"), "base_url": "/media/"},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=storages):
        yield


@pytest.fixture(autouse=True, scope="session")
def flush_past_the_triggers() -> Iterator[None]:
    """Lift the audit log's triggers while a TransactionTestCase flushes the tables.

    They forbid DELETE, and SQLite flushes by DELETE. The flush sends post_migrate, which makes
    them again.
    """
    if importlib.util.find_spec("moderation.triggers") is None:
        yield
        return
    triggers = importlib.import_module("moderation.triggers")
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # private

    def lifted_teardown(self: TransactionTestCase) -> None:
        triggers.lift(connection)
        teardown(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lifted_teardown)
        yield
