"""The storage of this app: an alias of its own."""

from pathlib import Path
from tempfile import gettempdir
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage

ATTACHMENTS: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": str(Path(gettempdir()) / "moderation-tests-attachments")},
}


def attachments() -> Storage:
    """Made like the one behind the alias `attachments`, whose settings the tests exchange."""
    return FileSystemStorage(**ATTACHMENTS["OPTIONS"])
