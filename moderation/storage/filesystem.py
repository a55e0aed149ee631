"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os.path
import re
import stat
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.adapter import WAS_MISSING
from moderation.storage.other import OtherAdapter

# Names claimed at once: a disk erases thousands a second.
CLAIM_NAMES = 1000
# Names as uploads have them are their own keys. To have the path worked out takes 23 microseconds a
# name; a bulk deletion has 600,000.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


class FileSystemAdapter(OtherAdapter):
    """Erases files below the storage's folder. A folder is never erased, even an empty one."""

    claim_names = CLAIM_NAMES
    storage: FileSystemStorage

    def __init__(self, storage: FileSystemStorage) -> None:
        super().__init__(storage)
        self.folder = os.path.join(storage.location, "")  # noqa: PTH118 - joined to names below
        self.joins_names = type(storage).path is FileSystemStorage.path

    def location(self) -> str:
        """The root folder."""
        return str(self.storage.location)

    def key(self, name: str) -> str:
        """The normalised path below the root. Raises ValueError for the root and what leaves it."""
        if self.joins_names and PLAIN_NAME.fullmatch(name):
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

    def _path(self, name: str) -> str:
        """The path of a name, for a look at it: what the storage says, only quicker."""
        if self.joins_names and PLAIN_NAME.fullmatch(name):
            return self.folder + name
        return self.storage.path(name)

    def _erase(self, name: str) -> str:
        try:
            seen = os.lstat(self._path(name))
        except (OSError, ValueError):
            # Deleted all the same: a name that cannot be looked at (too long, a folder without
            # permission) looks missing, and only the deletion says why.
            self.storage.delete(name)
            return WAS_MISSING
        # FileSystemStorage.delete() would remove an empty folder.
        if stat.S_ISDIR(seen.st_mode):
            raise IsADirectoryError("The name is that of a folder.")
        self.storage.delete(name)
        return ""

    def _look(self, name: str) -> tuple[bool, bool]:
        return os.path.lexists(self._path(name)), True
