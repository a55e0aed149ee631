"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os.path
import stat
from functools import cached_property
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.adapter import WAS_MISSING
from moderation.storage.location import Location, folder
from moderation.storage.other import OtherAdapter
from moderation.storage.spelling import PLAIN_NAME

# Names claimed at once: a disk erases thousands a second.
CLAIM_NAMES = 1000


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

    def real_location(self) -> Location:
        """The disk, and the root folder with its symbolic links resolved."""
        return Location(("disk",), self._real_root)

    def full_key(self, name: str) -> str:
        """The path below the real root folder. Raises ValueError as `key` does."""
        return self._real_root + self.key(name)

    def spelled(self, name: str) -> tuple[str, ...]:
        """Those of any storage, and the absolute path, which Django takes for a name as well."""
        return (*super().spelled(name), self.folder + name)

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """Those of any storage, and absolute paths. A backslash is a letter like any other."""
        begin = tuple(odd for odd in super().odd_beginnings(directory) if "\\" not in odd)
        return begin if directory else (*(odd for odd in begin if odd != "/"), self.folder)

    @cached_property
    def _real_root(self) -> str:
        return folder(os.path.realpath(self.storage.location))

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
