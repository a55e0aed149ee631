"""Each environment variable has the effect that `.env.example` promises, or stops the start.

The settings are read again for each case, in this process. Every variable needs a case.
"""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from moderation.conf import CHOICES, LIMITS
from project.environment import EnvironmentVariableError
from tests.project.documents import DOCUMENTS
from tests.services.processes import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
VARIABLES = re.findall(r"^#([A-Z0-9_]+)=", EXAMPLE, flags=re.MULTILINE)
MODERATION_NAMES = {each.name for each in (*LIMITS, *CHOICES)}
# Read outside the settings, and documented where they are used.
ELSEWHERE = {
    "DJANGO_SETTINGS_MODULE": "Django's own; the programs of the site set it themselves",
    "ENV_FILE": "it names the file with the other variables",
    "WEB_CONCURRENCY": "gunicorn's own",
    "RECEIVE_TIMEOUT_SECONDS": "for gunicorn, which does not read .env",
}
A_KEY = "hN3k_W0s-Vt6cRqLz9YfPjD1uXb4oGmEaT7iKwC2vSyBxQ5lJg"
POSTGRESQL = {"DATABASE_URL": "postgresql://site:hush@db.local:5433/content"}
S3 = {"FILES": "s3", "S3_BUCKET": "box"}
RQ = {"TASKS_BACKEND": "rq", "REDIS_URL": "redis://queue.local:6379/0"}
DEVELOPMENT = {"DEBUG": "true"}

Settings = dict[str, Any]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that reads the settings with these variables and no others."""

    def read_settings(**variables: str) -> Settings:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        standard = {
            "ENVIRONMENT": "production",
            "SECRET_KEY": A_KEY,
            "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
            "ENV_FILE": "",
        }
        for name, value in (standard | variables).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "project" / "settings.py"), run_name="read_again")

    return read_settings


def of_s3(option: str) -> Callable[[Settings], object]:
    return lambda settings: settings["STORAGES"]["default"]["OPTIONS"][option]


def of_database(*path: str) -> Callable[[Settings], object]:
    def find(settings: Settings) -> object:
        found: Any = settings["DATABASES"]["default"]
        for name in path:
            found = found[name]
        return found

    return find


def setting(name: str) -> Callable[[Settings], object]:
    return lambda settings: settings[name]


# variable, its value and the other variables that it needs, where its effect is, and the effect
EFFECTS: list[tuple[str, str, dict[str, str], Callable[[Settings], object], object]] = [
    ("ENVIRONMENT", "staging", {}, setting("ENVIRONMENT"), "staging"),
    ("ENVIRONMENT", "", DEVELOPMENT, setting("ENVIRONMENT"), "development"),
    ("DEBUG", "true", {}, setting("DEBUG"), True),
    ("DEBUG", "", {}, setting("DEBUG"), False),
    ("SECRET_KEY", A_KEY[::-1], {}, setting("SECRET_KEY"), A_KEY[::-1]),
    ("PORT", "80", {}, setting("PORT"), 80),
    ("ALLOWED_HOSTS", "a.example, b.example", {}, setting("ALLOWED_HOSTS"),
     ["a.example", "b.example"]),
    ("CSRF_TRUSTED_ORIGINS", "https://a.example", {}, setting("CSRF_TRUSTED_ORIGINS"),
     ["https://a.example"]),
    ("DATABASE_URL", POSTGRESQL["DATABASE_URL"], {}, of_database("HOST"), "db.local"),
    ("DATABASE_URL", POSTGRESQL["DATABASE_URL"], {}, of_database("PORT"), 5433),
    ("DATABASE_URL", POSTGRESQL["DATABASE_URL"], {}, of_database("CONN_MAX_AGE"), 60),
    ("DATABASE_URL", POSTGRESQL["DATABASE_URL"], {}, of_database("CONN_HEALTH_CHECKS"), True),
    ("DATABASE_POOL", "9", POSTGRESQL, of_database("OPTIONS", "pool", "max_size"), 9),
    ("DATABASE_POOL", "0", {}, of_database("OPTIONS", "transaction_mode"), "IMMEDIATE"),
    ("FILES", "disk", {}, lambda each: each["STORAGES"]["default"]["BACKEND"],
     "django.core.files.storage.FileSystemStorage"),
    ("FILES", "s3", S3, lambda each: each["STORAGES"]["default"]["BACKEND"],
     "storages.backends.s3.S3Storage"),
    ("MEDIA_ROOT", "/srv/media", {}, lambda each: str(each["MEDIA_ROOT"]), "/srv/media"),
    ("MEDIA_ROOT", "/srv/media", {}, of_s3("location"), "/srv/media"),
    ("STATIC_ROOT", "/srv/static", {}, lambda each: str(each["STATIC_ROOT"]), "/srv/static"),
    ("UPLOAD_LIMIT_MB", "1", {}, setting("UPLOAD_LIMIT"), 1_048_576),
    ("S3_BUCKET", "other", S3, of_s3("bucket_name"), "other"),
    ("S3_ENDPOINT_URL", "http://s3.local:9000", S3, of_s3("endpoint_url"), "http://s3.local:9000"),
    ("S3_ENDPOINT_URL", "http://s3.local:9000", S3, lambda each: each["SECURE_CSP"]["img-src"][-1],
     "http://box.s3.local:9000"),
    ("S3_REGION", "eu-west-1", S3, of_s3("region_name"), "eu-west-1"),
    ("S3_ACCESS_KEY", "a", S3, of_s3("access_key"), "a"),
    ("S3_SECRET_KEY", "b", S3, of_s3("secret_key"), "b"),
    ("S3_SECRET_KEY", "", S3, of_s3("secret_key"), None),
    ("S3_LOCATION", "media", S3, of_s3("location"), "media"),
    ("S3_ADDRESSING_STYLE", "virtual", S3,
     lambda each: each["STORAGES"]["default"]["OPTIONS"]["client_config"].s3,
     {"addressing_style": "virtual"}),
    ("PICTURES_KEEP_METADATA", "yes", {}, setting("PICTURES_KEEP_METADATA"), True),
    ("TASKS_BACKEND", "database", {}, lambda each: each["TASKS"]["default"]["BACKEND"],
     "django_tasks_db.DatabaseBackend"),
    ("TASKS_BACKEND", "rq", RQ, lambda each: each["TASKS"]["default"]["BACKEND"],
     "django_tasks_rq.RQBackend"),
    ("REDIS_URL", "rediss://other", RQ, lambda each: each["RQ_QUEUES"]["default"]["URL"],
     "rediss://other"),
    ("LANGUAGE_CODE", "de", {}, lambda each: [code for code, _name in each["LANGUAGES"]], ["de"]),
    ("TIME_ZONE", "Europe/Vienna", {}, setting("TIME_ZONE"), "Europe/Vienna"),
    ("LOG_LEVEL", "WARNING", {}, lambda each: each["LOGGING"]["root"]["level"], "WARNING"),
    ("HTTPS", "false", {}, setting("SECURE_SSL_REDIRECT"), False),
    ("HTTPS", "", {}, setting("SESSION_COOKIE_SECURE"), True),
    ("HTTPS", "", DEVELOPMENT, setting("SESSION_COOKIE_SECURE"), False),
    ("HTTPS", "false", {}, setting("SECURE_HSTS_SECONDS"), 0),
    ("HSTS_SECONDS", "31536000", {}, setting("SECURE_HSTS_SECONDS"), 31_536_000),
    ("TRUST_PROXY", "true", {}, setting("SECURE_PROXY_SSL_HEADER"),
     ("HTTP_X_FORWARDED_PROTO", "https")),
    ("TRUST_PROXY", "false", {"PROXY_COUNT": "2"}, setting("TRUSTED_PROXIES"), 0),
    ("PROXY_COUNT", "2", {"TRUST_PROXY": "true"}, setting("TRUSTED_PROXIES"), 2),
    ("LOGIN_THROTTLE", "false", {}, setting("AXES_ENABLED"), False),
    ("LOGIN_THROTTLE", "", {}, setting("AXES_ENABLED"), True),
    ("LOGIN_FAILURES", "3", {}, setting("AXES_FAILURE_LIMIT"), 3),
    ("LOGIN_LOCK_MINUTES", "5", {}, setting("AXES_COOLOFF_TIME"), timedelta(minutes=5)),
    *((limit.name, str(limit.highest), {}, setting(limit.name), limit.highest)
      for limit in LIMITS),
    *((each.name, str(value).lower(), {}, setting(each.name), value)
      for each in CHOICES for value in each.values),
]  # fmt: skip

NUMBERS = ("-1", "1.5", "x", "1e3", "٣", "0x10")
# variable, a value that stops the start, and the other variables that it needs
REFUSED: list[tuple[str, str, dict[str, str]]] = [
    ("ENVIRONMENT", " ", {}),
    *(("DEBUG", value, {}) for value in ("ture", "2", "None")),
    *(("SECRET_KEY", value, {}) for value in ("", "short", "a" * 60)),
    *(("PORT", value, {}) for value in (*NUMBERS, "0", "65536")),
    *(("CSRF_TRUSTED_ORIGINS", value, {}) for value in ("a.example", "https://a,b", "ftp://a")),
    *(("DATABASE_URL", value, {}) for value in ("mysql://a/b", "sqlite://", "file.sqlite3")),
    *(("DATABASE_POOL", value, POSTGRESQL) for value in (*NUMBERS, "1001")),
    *(("FILES", value, {}) for value in ("S3", "ftp", "disk,s3")),
    ("MEDIA_ROOT", __file__, {}),
    ("STATIC_ROOT", __file__, {}),
    *(("UPLOAD_LIMIT_MB", value, {}) for value in (*NUMBERS, "0", "4097")),
    ("S3_BUCKET", "", {"FILES": "s3"}),
    *(("S3_ENDPOINT_URL", value, S3) for value in ("s3.local", "ftp://s3.local", "http://")),
    *(("S3_ADDRESSING_STYLE", value, S3) for value in ("Path", "bucket")),
    ("PICTURES_KEEP_METADATA", "maybe", {}),
    ("TASKS_BACKEND", "celery", {}),
    *(("REDIS_URL", value, RQ) for value in ("", "queue.local", "http://queue.local", "redis://")),
    *(("LANGUAGE_CODE", value, {}) for value in ("xx", "DE", "german")),
    *(("TIME_ZONE", value, {}) for value in ("Mars", "utc+1", "europe/vienna")),
    *(("LOG_LEVEL", value, {}) for value in ("info", "NOTSET", "20")),
    ("HTTPS", "on!", {}),
    *(("HSTS_SECONDS", value, {}) for value in (*NUMBERS, "63072001")),
    ("TRUST_PROXY", "proxy", {}),
    *(("PROXY_COUNT", value, {"TRUST_PROXY": "true"}) for value in (*NUMBERS, "0", "11")),
    ("LOGIN_THROTTLE", "often", {}),
    *(("LOGIN_FAILURES", value, {}) for value in (*NUMBERS, "0", "1001")),
    *(("LOGIN_LOCK_MINUTES", value, {}) for value in (*NUMBERS, "0", "1441")),
    *((limit.name, str(value), {}) for limit in LIMITS
      for value in (limit.lowest - 1, limit.highest + 1, "x")),
    *((each.name, value, {}) for each in CHOICES for value in ("maybe", "2")),
]  # fmt: skip
# Any text is right; what it names may not exist, which only its server knows.
ANY_TEXT = {"ALLOWED_HOSTS", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_LOCATION"}
SECRET = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL"}


@pytest.mark.parametrize(("name", "value", "others", "effect", "expected"), EFFECTS)
def test_variable_has_its_effect(  # noqa: PLR0917 - the columns of the table, and the fixture
    name: str,
    value: str,
    others: dict[str, str],
    effect: Callable[[Settings], object],
    expected: object,
    read: Callable[..., Settings],
) -> None:
    assert effect(read(**{**others, name: value})) == expected


@pytest.mark.parametrize(("name", "value", "others"), REFUSED)
def test_wrong_value_stops_the_start_with_the_name_of_the_variable(
    name: str, value: str, others: dict[str, str], read: Callable[..., Settings]
) -> None:
    with pytest.raises(ValueError, match=f"^{name}") as refused:
        read(**{**others, name: value})
    message = str(refused.value)
    assert type(refused.value).__name__ == EnvironmentVariableError.__name__
    assert len(message) > len(name) + 10, "what the value must be"
    if name in SECRET and len(value) > len("redis://"):
        assert value not in message.replace("sqlite:///path/to/file", "")


def test_every_variable_has_an_effect_and_an_error_here() -> None:
    with_effect = {name for name, *_ in EFFECTS}
    refused = {name for name, *_ in REFUSED}
    assert with_effect == set(VARIABLES), "add the variable to EFFECTS"
    assert refused | ANY_TEXT == set(VARIABLES), "add wrong values of the variable to REFUSED"
    assert not refused & ANY_TEXT
    assert set(VARIABLES) >= MODERATION_NAMES


def test_commented_lines_of_the_example_are_the_defaults(read: Callable[..., Settings]) -> None:
    lines = re.findall(r"^#([A-Z0-9_]+)=(.*)$", EXAMPLE, flags=re.MULTILINE)
    shown = {name: value for name, value in lines if value and name in VARIABLES}
    without = read()
    needed = ("ENVIRONMENT", "DATABASE_URL", "MEDIA_ROOT", "STATIC_ROOT")
    given = read(**{name: value for name, value in shown.items() if name not in needed})
    for name, value in without.items():
        if name.isupper() and isinstance(value, str | int | list | dict | tuple | timedelta):
            assert given[name] == value, name


def test_every_variable_that_the_project_reads_is_documented() -> None:
    documented = EXAMPLE + "\n".join(path.read_text() for path in DOCUMENTS)
    read_by_code = {
        each.value
        for path in (ROOT / "project").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and is_reader(call)
        for each in call.args[:1]
        if isinstance(each, ast.Constant)
    }
    assert read_by_code >= {"WEB_CONCURRENCY", "ENV_FILE", "PORT"}
    others = read_by_code - set(VARIABLES)
    assert others == set(ELSEWHERE), "add the variable to .env.example, or to ELSEWHERE"
    to_document = others - {"DJANGO_SETTINGS_MODULE"}
    assert [name for name in to_document if str(name) not in documented] == []


def is_reader(call: ast.Call) -> bool:
    """Return whether a call reads an environment variable, which its first argument names."""
    return bool(re.match(r"(environment\.\w+|os\.environ\.(get|setdefault)|os\.getenv)$",
                         ast.unparse(call.func)))  # fmt: skip
