"""A storage that takes 20 ms for each request, of a class for which moderation has no adapter."""

from __future__ import annotations

import time
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage

# A storage in the same region responds in 5 to 30 ms.
REQUEST_SECONDS = 0.02


class SlowStorage(Storage):
    """Stores files in a folder, and sleeps before each request."""

    def __init__(self, location: str) -> None:
        self.folder = FileSystemStorage(location)

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        time.sleep(REQUEST_SECONDS)
        return self.folder.exists(name)

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is not an error."""
        time.sleep(REQUEST_SECONDS)
        self.folder.delete(name)

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        time.sleep(REQUEST_SECONDS)
        return self.folder.open(name, mode)

    def _save(self, name: str, content: File[Any]) -> str:
        time.sleep(REQUEST_SECONDS)
        return self.folder.save(name, content)
