"""One value of a fixture: of the right type and within the limits of its field, or refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

# What JSON calls the types, for whoever wrote the fixture.
WORDS = {str: "a text", int: "a whole number", bool: "true or false", datetime: "a date and time"}


def read_value(field: models.Field[Any, Any], value: object) -> Any:
    """Return the value for the field's attribute. Raises ValueError with the reason."""
    if isinstance(field, models.ForeignKey | models.AutoField):
        return read_key(value)
    if isinstance(field, models.DateTimeField):
        return _clean(field, _moment(_of_type(value, str)))
    if isinstance(field, models.BooleanField):
        return _of_type(value, bool)
    if isinstance(field, models.IntegerField):
        return _clean(field, _of_type(value, int))
    if isinstance(field, models.CharField | models.TextField):
        return _clean(field, _text(value))
    raise ValueError(f"a fixture cannot hold a {type(field).__name__}")


def read_key(value: object) -> int:
    """Return a primary key. Raises ValueError."""
    key: int = _of_type(value, int)
    if not 0 < key <= models.BigIntegerField.MAX_BIGINT:
        raise ValueError(f"{key} is no primary key")
    return key


def read_name(value: object) -> str:
    """Return the name of a file. Raises ValueError."""
    name = _text(value)
    if not name:
        raise ValueError("it names no file")
    return name


def _of_type(value: object, kind: type) -> Any:
    if type(value) is not kind:  # not isinstance: true is an int in Python
        raise ValueError(f"it is not {WORDS[kind]}: {value!r:.40}")
    return value


def _text(value: object) -> str:
    """Return a text that every database can hold."""
    text: str = _of_type(value, str)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it holds characters that are no text")
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"it is not {WORDS[datetime]}: {text!r:.40}") from error
    raise ValueError(f"it has no time zone: {text!r:.40}")


def _clean(field: models.Field[Any, Any], value: Any) -> Any:
    """Ask the field for its own limits: length, range, choices, validators."""
    try:
        return field.clean(value, None)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
