"""Convert the values of audit entries to spreadsheet cells and JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import models

# None if values need no conversion.
Converter = Callable[[Any], Any] | None

# At least one spreadsheet runs a cell that starts with one of these as a formula. The first four
# are ASCII; the others are Unicode variants of them.
FORMULA_STARTS = "=+\\-@＝＋－＠﹦﹢﹣﹫−"
# What a spreadsheet skips before it looks for a formula: any whitespace, control
# characters and zero-width characters such as a byte-order mark.
SKIPPED = r"\s\x00-\x20\x7f-\xa0\xad\u115f\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff"
# Where a cell begins: at the start of the text, and after a character that may separate cells. Many
# spreadsheets read CSV with the separator of their locale and then ignore quotes within a cell. See
# "CSV Injection" by OWASP.
CELL_START = r"\A|(?<=[;|\t\r\n])"
DANGEROUS = re.compile(rf"(?:{CELL_START})(?=[{SKIPPED}]*[{FORMULA_STARTS}]|[\t\r\n])")
SEPARATORS = re.compile(r"[;|\t\r\n]")


def escape_formulas(text: str) -> str:
    """Return the text with an apostrophe before each formula, so that spreadsheets display it."""
    if text[:1].isalnum() and not SEPARATORS.search(text):  # nearly all texts, and six times faster
        return text
    return DANGEROUS.sub("'", text)


def iso_utc(value: datetime) -> str:
    """Return the time in ISO 8601, in UTC: 2026-01-31T12:00:00.000000Z."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def cell_converter(field: models.Field[Any, Any]) -> Converter:
    """Return what converts a field's values, except None, to spreadsheet cells."""
    match field:
        case models.DateTimeField():
            return iso_utc
        case models.JSONField():
            return _json_text
        case models.CharField() | models.TextField():
            return escape_formulas
        case models.IntegerField():
            return None
        case models.ForeignKey():  # its key may be a number, a text or a UUID
            return cell_converter(field.target_field)
        case _:
            return str


def json_converter(field: models.Field[Any, Any]) -> Converter:
    """Return what converts a field's values, except None, to JSON values."""
    match field:
        case models.DateTimeField():
            return iso_utc
        case models.UUIDField():
            return str
        case models.ForeignKey():
            return json_converter(field.target_field)
        case _:
            return None


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else "[]"
