"""Redact the error messages of storages and databases for the audit log and the pages."""

from __future__ import annotations

import re

# Error messages in the audit log are truncated to this many characters.
ERROR_LENGTH = 300

_QUERY = re.compile(r"\?[^\s\"'<>]*=[^\s\"'<>]*")
_ACCESS_KEY = re.compile(
    r"(?i)\b(AKIA|ASIA)[A-Z0-9]{12,}\b|"
    r"(access.?key|secret|signature|token|credential|password)\S*\s?[=:]\s*\S+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def clean(text: str) -> str:
    """Return the first 300 characters without query strings, access keys and control characters."""
    text = _CONTROL.sub(" ", text)
    text = _ACCESS_KEY.sub("[redacted]", _QUERY.sub("", text))
    return text.strip()[:ERROR_LENGTH]
