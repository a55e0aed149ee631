"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os.path
import re
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.adapter import WAS_MISSING
from moderation.storage.other import OtherAdapter

# Names in one call: a disk erases thousands a second, and a stop signal waits for one call.
BATCH_NAMES = 1000
# Names as uploads have them are their own keys. To have the path worked out takes 23 microseconds a
# name; a bulk deletion has 600,000.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


class FileSystemAdapter(OtherAdapter):
    """Erases files below the storage's folder. A folder is never erased, even an empty one."""

    batch_limit = BATCH_NAMES
    storage: FileSystemStorage

    def __init__(self, storage: FileSystemStorage) -> None:
        super().__init__(storage)

    def location(self) -> str:
        """The root folder."""
        return str(self.storage.location)

    def key(self, name: str) -> str:
        """The normalised path below the root. Raises ValueError for the root and what leaves it."""
        if PLAIN_NAME.fullmatch(name):
            return name
        if "\0" in name:
            raise ValueError("The name holds a NUL character.")
        try:
            path = self.storage.path(name)
        except SuspiciousFileOperation as error:
            raise ValueError(str(error)) from error
        key = PurePath(os.path.relpath(path, self.storage.location)).as_posix()
        if key == ".":
            raise ValueError("The name is that of the root folder.")
        return key

    def _erase(self, name: str) -> str:
        # Worked out once: storage.exists() would do it again, which takes longer than the look.
        path = self.storage.path(name)
        # FileSystemStorage.delete() would remove an empty folder.
        if os.path.isdir(path):  # noqa: PTH112 - a name, never opened
            raise IsADirectoryError("The name is that of a folder.")
        was_there = os.path.lexists(path)
        # Asked even where nothing was seen: a name that cannot be looked at (too long, a folder
        # without permission) looks missing, and only the deletion says why.
        self.storage.delete(name)
        return "" if was_there else WAS_MISSING
