"""A wrong value stops the start, and the message says which and what it should be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project import environment
from project.environment import EnvironmentVariableError
from tests.services.processes import ROOT


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with the variables and nothing of this process's own but the PATH."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": ""} | variables,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize(
    ("reader", "value", "message"),
    [
        (
            lambda: environment.integer("X", 1, lowest=1, highest=9),
            "abc",
            "X=abc: X must be a whole number from 1 to 9",
        ),
        (
            lambda: environment.integer("X", 1, lowest=1, highest=9),
            "10",
            "X=10: X must be a whole number from 1 to 9",
        ),
        (
            lambda: environment.integer("X", 1, lowest=1, highest=9),
            "1" * 5_000,  # more digits than Python reads
            f"X={'1' * 5_000}: X must be a whole number from 1 to 9",
        ),
        (lambda: environment.boolean("X", default=True), "ture", "X=ture: X must be true or false"),
        (lambda: environment.choice("X", "a", ["a", "b"]), "c", "X=c: X must be one of a, b"),
        (
            lambda: environment.origins("X"),
            "https://a.example,b.example",
            "X=b.example: X must be origins with http:// or https://, separated by commas",
        ),
        (
            lambda: environment.folder("X", ROOT),
            __file__,
            f"X={__file__}: X must be a folder",
        ),
        (
            lambda: environment.required("X", because="here"),
            " ",
            "X is not set: it is required here",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[[], object], value: str, message: str
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(EnvironmentVariableError) as raised:
        reader()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "value",
    [
        "mysql://site:hush@host/name",
        "hush",
        "postgresql://site:hush@host:port/name",
        "postgresql://site:hush@host",
        "sqlite://hush/file",
        "sqlite://",
    ],
)
def test_a_wrong_database_url_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", value)
    with pytest.raises(EnvironmentVariableError, match=r"^DATABASE_URL: .*sqlite:///") as raised:
        environment.database("DATABASE_URL", "sqlite:///x", relative_to=ROOT)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("value", ["http://hush", "redis://", "hush", "redis://hush:port"])
def test_a_wrong_url_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(EnvironmentVariableError, match=r"^REDIS_URL: .*redis://host") as raised:
        environment.url("REDIS_URL", ["redis", "rediss"])
    assert "hush" not in str(raised.value)


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "")
    assert environment.integer("X", 7, lowest=1, highest=9) == 7
    assert environment.boolean("X", default=True) is True
    assert environment.strings("X", ["a"]) == ["a"]
    assert environment.choice("X", "a", ["a"]) == "a"


def test_right_values_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", " 9 ")
    assert environment.integer("X", 7, lowest=1, highest=9) == 9
    monkeypatch.setenv("X", "Off")
    assert environment.boolean("X", default=True) is False
    monkeypatch.setenv("X", "a.example, b.example,")
    assert environment.strings("X") == ["a.example", "b.example"]


def test_the_path_of_an_sqlite_file_counts_from_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("X", "sqlite:///var/other.sqlite3")
    config = environment.database("X", "", relative_to=ROOT)
    assert config["NAME"] == str(ROOT / "var" / "other.sqlite3")
    monkeypatch.setenv("X", "sqlite:////srv/other.sqlite3")
    assert environment.database("X", "", relative_to=ROOT)["NAME"] == "/srv/other.sqlite3"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PORT": "abc"}, "PORT=abc: PORT must be a whole number from 1 to 65535"),
        ({"DEBUG": "false"}, "ENVIRONMENT is not set: it is required unless DEBUG is true"),
        ({"FILES": "s3"}, "S3_BUCKET is not set: it is required when FILES is s3"),
        (
            {"MODERATION_REQUESTS": "0"},
            "MODERATION_REQUESTS=0: MODERATION_REQUESTS must be a whole number from 1 to 64",
        ),
        ({"TIME_ZONE": "Mars"}, "TIME_ZONE=Mars: TIME_ZONE must be a time zone"),
    ],
)
def test_a_command_stops_with_the_message_alone(variables: dict[str, str], message: str) -> None:
    done = manage("check", **({"DEBUG": "true"} | variables))
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["shell", "-c", "pass"], ["makemigrations"], ["help"]])
def test_every_command_reports_a_wrong_value_before_anything_else(command: list[str]) -> None:
    done = manage(*command)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("ENVIRONMENT is not set: it is required unless DEBUG is true")


def test_deployed_with_name_and_key_the_checks_find_nothing(tmp_path: Path) -> None:
    done = manage(
        *["check", "--deploy", "--tag", "security", "--fail-level", "WARNING"],
        ENVIRONMENT="production",
        SECRET_KEY="a-key-of-more-than-fifty-letters-0123456789-abcdefghijk",
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
    )
    assert done.returncode == 0, done.stderr


def test_a_file_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    (tmp_path / "site.env").write_text("DEBUG=true\nENVIRONMENT=from-the-file\nPORT=1\n")
    done = manage(
        *["shell", "-c", "from django.conf import settings as s; print(s.ENVIRONMENT, s.PORT)"],
        ENV_FILE=str(tmp_path / "site.env"),
        PORT="2",
    )
    assert done.stdout.split()[-2:] == ["from-the-file", "2"], done.stderr
