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
# A key that Django's own get_random_secret_key() makes has 50 characters, of 50 that may come.
SECRET_LENGTH = 50
SECRET_CHARACTERS = 10  # different ones; 64 hexadecimal digits have 16
COMMAND_FOR_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
MOST_DIGITS = 20  # of a whole number; Python refuses to read some thousand
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


def secret(name: str, *, known: Collection[str], because: str) -> str:
    """Return a key that nobody can guess; raises where it is not set, known, short or regular."""
    value = required(name, because=f"{because}. Make one: {COMMAND_FOR_A_KEY}")
    if fault := _fault_of_secret(value, known):
        raise wrong_secret(
            name,
            f"at least {SECRET_LENGTH} random characters ({fault}). Make one: {COMMAND_FOR_A_KEY}",
        )
    return value


def _fault_of_secret(value: str, known: Collection[str]) -> str:
    """Say why a key can be guessed; return nothing where it looks random."""
    if any(printed in value for printed in known):
        return "this one is printed in the source"
    if value.startswith("django-insecure-"):
        return "this one was made by startproject, for development alone"
    if len(value) < SECRET_LENGTH:
        return f"this one has {len(value)}"
    if len(set(value)) < SECRET_CHARACTERS:
        return f"this one has only {len(set(value))} different ones"
    if any(value.startswith(value[shift:]) for shift in range(1, len(value) // 2 + 1)):
        return "this one repeats itself"
    return ""


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
    is_number = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
    if is_number and lowest <= int(value) <= highest:
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
