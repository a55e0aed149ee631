"""Typed readers of environment variables, each of which says what is wrong with a value.

django-environ reads `.env` and understands database URLs; the readers here are stricter than its
casts, for which `DEBUG=ture` is simply false. An empty value counts as not set.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0")
Option = TypeVar("Option", bound=str)
ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")


class EnvironmentVariableError(ImproperlyConfigured):
    """A variable's value cannot be used; the message names the variable and what it should be."""


def read_site_file() -> None:
    """Take what the environment has not set from `.env`, or from the file that ENV_FILE names.

    A missing file is no error; an empty ENV_FILE means none.
    """
    path = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
    if path:
        environ.Env.read_env(path)


def wrong(name: str, value: str, should: str) -> EnvironmentVariableError:
    """Give the error for a value that may be shown."""
    return EnvironmentVariableError(f"{name}={value}: {name} must be {should}")


def wrong_secret(name: str, should: str) -> EnvironmentVariableError:
    """Give the error for a value that must not be shown, as it may hold a password."""
    return EnvironmentVariableError(f"{name}: its value (not shown) is wrong, it must be {should}")


def text(name: str, default: str = "") -> str:
    """Give the variable without blanks around it, or the default."""
    return str(environ.Env.ENVIRON.get(name, "")).strip() or default


def required(name: str, *, because: str) -> str:
    """Give the variable; raises where it is not set, saying what needs it."""
    value = text(name)
    if not value:
        raise EnvironmentVariableError(f"{name} is not set: it is required {because}")
    return value


def yes_no(name: str, *, default: bool) -> bool:
    """Give a switch."""
    value = text(name).lower()
    if value in YES:
        return True
    if value in NO:
        return False
    if value:
        raise wrong(name, value, "true or false")
    return default


def whole(name: str, default: int, *, lowest: int, highest: int) -> int:
    """Give a whole number from `lowest` to `highest`, both included."""
    value = text(name)
    if not value:
        return default
    if value.isascii() and value.isdigit() and lowest <= int(value) <= highest:
        return int(value)
    raise wrong(name, value, f"a whole number from {lowest} to {highest}")


def choice(name: str, default: Option, options: Collection[Option], *, kind: str = "") -> Option:
    """Give one of the options; `kind` describes them where they are too many to list."""
    value = text(name, default)
    for option in options:
        if option == value:
            return option
    raise wrong(name, value, kind or "one of " + ", ".join(options))


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """Give a list that is written with commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def origins(name: str) -> list[str]:
    """Give a list of origins, each with its scheme, such as `https://admin.example.org`."""
    found = words(name)
    for origin in found:
        if not origin.startswith(("http://", "https://")):
            raise wrong(name, origin, "origins with http:// or https://, separated by commas")
    return found


def url(name: str, schemes: Sequence[str], default: str = "") -> str:
    """Give a URL of one of the schemes, with a host; its value is never shown."""
    value = text(name, default)
    if value and not _is_url(value, schemes):
        raise wrong_secret(name, "a URL like " + " or ".join(f"{it}://host" for it in schemes))
    return value


def _is_url(value: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def folder(name: str, default: Path) -> Path:
    """Give the absolute path of a folder, which need not exist yet; raises where a file is."""
    path = Path(text(name, str(default))).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise wrong(name, str(path), "a folder")
    return path


def database(name: str, default: str, *, relative_to: Path) -> dict[str, object]:
    """Give Django's settings for the database that a URL names: SQLite or PostgreSQL.

    The path of an SQLite file counts from `relative_to`.
    """
    error = wrong_secret(
        name, "sqlite:///path/to/file or postgresql://user:password@host:5432/database"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a part of the URL that would be ignored
            config: dict[str, object] = environ.Env.db_url_config(text(name, default))
    except (ValueError, KeyError, UserWarning, ImproperlyConfigured):
        raise error from None  # its text would show the URL
    if config.get("ENGINE") not in ENGINES or config.get("NAME") in ("", ":memory:"):
        raise error
    if config["ENGINE"] == ENGINES[0]:
        config["NAME"] = str(relative_to / str(config["NAME"]))
    return config
