"""Without DEBUG, the site starts only with its own name and secret key."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from django.core.management.utils import get_random_secret_key

from project import environment, settings
from project.environment import SECRET_LENGTH, EnvironmentVariableError
from tests.project.test_environment import manage
from tests.services.processes import ROOT

A_KEY = "hN3k_W0s-Vt6cRqLz9YfPjD1uXb4oGmEaT7iKwC2vSyBxQ5lJg"
COMMANDS = (
    "check",
    "migrate",
    "purge",
    "mark_storage",
    "import_posts",
    "runserver",
    "collectstatic",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["", "  "])
def test_no_command_runs_without_the_name_of_the_environment(command: str, name: str) -> None:
    done = manage(command, SECRET_KEY=A_KEY, ENVIRONMENT=name)
    assert done.returncode == 1
    assert done.stderr.startswith("ENVIRONMENT is not set: it is required unless DEBUG is true")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_runs_without_a_key(command: str) -> None:
    done = manage(command, ENVIRONMENT="production")
    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY is not set: it is required unless DEBUG is true")


def test_no_command_runs_with_a_key_that_can_be_guessed() -> None:
    done = manage("migrate", ENVIRONMENT="production", SECRET_KEY="a")
    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY: invalid value (not shown)")
    assert "Traceback" not in done.stderr


def key(monkeypatch: pytest.MonkeyPatch, value: str) -> str:
    monkeypatch.setenv("SECRET_KEY", value)
    return environment.secret("SECRET_KEY", known=[settings.KEY_FOR_DEVELOPMENT], because="here")


@pytest.mark.parametrize(
    "value",
    [
        settings.KEY_FOR_DEVELOPMENT,
        f"{settings.KEY_FOR_DEVELOPMENT}!",
        "a",
        "a" * 50,
        "ab" * 40,
        "abcdefghij" * 5,
        "my-secret-key-number-1;" * 2 + "my-secret",
        A_KEY[: SECRET_LENGTH - 1],
        "django-insecure-" + A_KEY,
    ],
)
def test_a_key_that_can_be_guessed_is_refused_without_showing_it(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EnvironmentVariableError, match="at least 50 random characters") as refused:
        key(monkeypatch, value)
    assert value not in str(refused.value) or len(value) == 1


def test_keys_as_the_usual_programs_make_them_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (A_KEY, secrets.token_hex(32), get_random_secret_key()):
        assert key(monkeypatch, value) == value


def test_every_key_that_the_source_prints_is_refused() -> None:
    """A key in a file of the repository is public."""
    files = [*ROOT.glob("*.md"), *ROOT.glob(".env.example"), *Path(ROOT, "project").glob("*.py")]
    text = "\n".join(path.read_text() for path in files)
    printed = re.findall(r"""SECRET_KEY["']?\s*[=:]\s*["']?([\w-]{8,})""", text)
    printed = [word for word in printed if word != "environment"]
    assert printed == []
    assert settings.KEY_FOR_DEVELOPMENT in text
