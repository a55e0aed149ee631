"""What a value of an audit entry becomes in a file: a cell of a spreadsheet, or a value of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import models

# None where the value stays as it is.
Converter = Callable[[Any], Any] | None

# A cell that starts with one of these is run as a formula by one spreadsheet or another. The last
# four are the wide forms that a Japanese keyboard types; a line break at the start is skipped.
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")


def harmless(text: str) -> str:
    """Give the text so that a spreadsheet shows it: an apostrophe goes before a formula's start."""
    return "'" + text if text[:1] in FORMULA_STARTS else text


def iso_utc(value: datetime) -> str:
    """Give the moment in ISO 8601, in UTC: 2026-01-31T12:00:00.000000Z."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def cell_converter(field: models.Field[Any, Any]) -> Converter:
    """Give the function that makes a spreadsheet's cell of a field's value, None excepted."""
    match field:
        case models.DateTimeField():
            return iso_utc
        case models.JSONField():
            return _json_text
        case models.CharField() | models.TextField():
            return harmless
        case models.IntegerField() | models.ForeignKey():
            return None
        case _:
            return str


def json_converter(field: models.Field[Any, Any]) -> Converter:
    """Give the function that makes a JSON value of a field's value, None excepted."""
    match field:
        case models.DateTimeField():
            return iso_utc
        case models.UUIDField():
            return str
        case _:
            return None


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else "[]"
