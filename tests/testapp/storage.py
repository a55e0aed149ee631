"""The storage of this app: an alias of its own."""

import os
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage

# The tests give a folder of their own, so that two runs at the same time do not meet.
ROOT = os.environ.get("ATTACHMENTS_ROOT", str(Path(gettempdir()) / "moderation-tests-attachments"))
ATTACHMENTS: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": ROOT},
}


def attachments() -> Storage:
    """Made like the one behind the alias `attachments`, whose settings the tests exchange."""
    return FileSystemStorage(**ATTACHMENTS["OPTIONS"])
