"""A storage that is neither S3 nor a folder, as far as anybody can tell: 20 ms a request."""

from __future__ import annotations

import time
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage

# Seconds. A storage in the same region answers in 5 to 30 ms.
REQUEST = 0.02


class SlowStorage(Storage):
    """Keeps files in a folder and takes its time for each request."""

    def __init__(self, location: str) -> None:
        self.folder = FileSystemStorage(location)

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        time.sleep(REQUEST)
        return self.folder.exists(name)

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is no error."""
        time.sleep(REQUEST)
        self.folder.delete(name)

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        time.sleep(REQUEST)
        return self.folder.open(name, mode)

    def _save(self, name: str, content: File[Any]) -> str:
        time.sleep(REQUEST)
        return self.folder.save(name, content)
