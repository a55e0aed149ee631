"""Read single values from JSON: check their type and the limits of a model field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

# The types as error messages name them.
TYPE_NAMES = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    datetime: "a date and time",
}


def read_value(field: models.Field[Any, Any], value: object) -> Any:
    """Return the value as the field stores it. Raises ValueError with the reason."""
    if isinstance(field, models.ForeignKey | models.AutoField):
        return read_key(value)
    if isinstance(field, models.DateTimeField):
        return _clean(field, _aware_datetime(read_type(value, str)))
    if isinstance(field, models.BooleanField):
        return read_type(value, bool)
    if isinstance(field, models.IntegerField):
        return _clean(field, read_type(value, int))
    if isinstance(field, models.CharField | models.TextField):
        return _clean(field, _text(value))
    raise ValueError(f"a {type(field).__name__} is not supported")


def read_key(value: object) -> int:
    """Return a primary key. Raises ValueError."""
    key: int = read_type(value, int)
    if not 0 < key <= models.BigIntegerField.MAX_BIGINT:
        raise ValueError(f"{key} is not a valid primary key")
    return key


def read_name(value: object) -> str:
    """Return the name of a file. Raises ValueError."""
    name = _text(value)
    if not name:
        raise ValueError("the name of the file is empty")
    return name


def read_type(value: object, expected: type) -> Any:
    """Return the value if it has exactly the expected type. Raises ValueError."""
    if type(value) is not expected:  # not isinstance: true is an int in Python
        raise ValueError(f"it is not {TYPE_NAMES[expected]}: {value!r:.40}")
    return value


def _text(value: object) -> str:
    """Return a text that every database can store."""
    text: str = read_type(value, str)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it contains NUL or surrogate characters")
    return text


def _aware_datetime(text: str) -> datetime:
    """Return a date and time in UTC. Raises ValueError without a time zone."""
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"it is not {TYPE_NAMES[datetime]}: {text!r:.40}") from error
    raise ValueError(f"it has no time zone: {text!r:.40}")


def _clean(field: models.Field[Any, Any], value: Any) -> Any:
    """Check the field's own limits: length, range, choices and validators."""
    try:
        return field.clean(value, None)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
