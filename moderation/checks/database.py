"""System checks of the database and its settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, router

from moderation.models import AuditEntry


def check_engine(**_: Any) -> list[CheckMessage]:
    """E026: the audit log needs triggers and, on PostgreSQL, the interface of psycopg 3."""
    connection = connections[router.db_for_write(AuditEntry)]
    if connection.vendor == "sqlite":
        return []
    if connection.vendor != "postgresql":
        return [
            Error(
                f"The audit log cannot be kept on {connection.display_name}.",
                hint="Use PostgreSQL or SQLite, at least for the apps whose objects are removed.",
                id="moderation.E026",
            )
        ]
    # Importing it fails on other databases.
    from django.db.backends.postgresql.psycopg_any import is_psycopg3  # noqa: PLC0415

    if is_psycopg3:
        return []
    return [
        Error(
            "Audit entries are written with psycopg 3, but Django uses psycopg2.",
            hint='pip install "psycopg[binary]". Django prefers it to psycopg2.',
            id="moderation.E026",
        )
    ]


def check_time_zones(**_: Any) -> list[CheckMessage]:
    """E027: leases and due times must not be local times: an hour of these repeats every year."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False, so leases and due times would be local times, which repeat for an "
            "hour when daylight saving time ends.",
            hint="Set USE_TZ to True.",
            id="moderation.E027",
        )
    ]


def check_sqlite_transactions(**_: Any) -> list[CheckMessage]:
    """W028: on SQLite, concurrent transactions that read before they write fail."""
    connection = connections[router.db_for_write(AuditEntry)]
    mode = connection.settings_dict["OPTIONS"].get("transaction_mode") or ""
    if connection.vendor != "sqlite" or mode.upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        checks.Warning(
            "Requests and workers that write to SQLite at the same time will fail with "
            '"database is locked".',
            hint='Add "transaction_mode": "IMMEDIATE" to the OPTIONS of the database.',
            id="moderation.W028",
        )
    ]


MODEL_CHECKS = (check_engine, check_time_zones, check_sqlite_transactions)
