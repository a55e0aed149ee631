"""Redact error messages of storages and databases for the audit log and the pages."""

from __future__ import annotations

import re

# The length to which the audit log truncates error messages, in characters.
ERROR_LENGTH = 300

_QUERY = re.compile(r"\?[^\s\"'<>]*=[^\s\"'<>]*")
_ACCESS_KEY = re.compile(
    r"(?i)\b(AKIA|ASIA)[A-Z0-9]{12,}\b|(access.?key|secret|signature|token|credential)\S*[=:]\s*\S+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def clean(text: str) -> str:
    """Return at most 300 characters, without query strings, access keys or control characters."""
    text = _CONTROL.sub(" ", text)
    text = _ACCESS_KEY.sub("[left out]", _QUERY.sub("", text))
    return text.strip()[:ERROR_LENGTH]
