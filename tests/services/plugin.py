"""What must happen before Django reads its settings: a clean environment, and a database.

pytest-django loads the settings before any conftest is read, so this is a plugin of its own, named
in pyproject.toml.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TEST_ENVIRONMENT = {
    "ENV_FILE": "",  # a developer's .env must not change what the tests say
    "ENVIRONMENT": "test",
    "DEBUG": "false",
    "HTTPS": "false",
    "LOG_LEVEL": "WARNING",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--postgresql`, which runs the suite on a PostgreSQL that the tests start."""
    parser.addoption(
        "--postgresql",
        action="store_true",
        help="run on PostgreSQL, started from a wheel, in place of SQLite",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Fix the environment before pytest-django, whose hook runs inside this one, reads settings."""
    folder = tempfile.TemporaryDirectory(prefix="moderation-tests-")
    early_config.add_cleanup(folder.cleanup)
    os.environ.update(TEST_ENVIRONMENT, SECRET_KEY=secrets.token_urlsafe(50))
    for variable in ("STATIC_ROOT", "MEDIA_ROOT", "ATTACHMENTS_ROOT"):
        os.environ[variable] = f"{folder.name}/{variable}"
        Path(os.environ[variable]).mkdir()
    if early_config.known_args_namespace.postgresql:
        from tests.services import postgres  # the wheel is needed here only

        os.environ["DATABASE_URL"] = postgres.start()
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder.name}/db.sqlite3"
    return (yield)
