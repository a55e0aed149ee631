"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.adapter import WAS_MISSING
from moderation.storage.guard import refuse_inside_transaction
from moderation.storage.other import OtherAdapter

# Names claimed at once: a disk erases thousands a second.
CLAIM_NAMES = 1000
# Names as uploads have them are their own keys. To have the path worked out takes 23 microseconds a
# name; a bulk deletion has 600,000.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
# Django's own. It takes an error for success where the file is missing, and removes empty folders.
DJANGO_DELETE = FileSystemStorage.delete


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
        path = self._path(name)
        try:
            if type(self.storage).delete is DJANGO_DELETE:
                os.remove(path)  # noqa: PTH107 - thousands a second
            else:
                self._delete_by_storage(name, path)
        except FileNotFoundError:
            return WAS_MISSING
        except IsADirectoryError as error:
            raise IsADirectoryError("The name is that of a folder.") from error
        return ""

    def _delete_by_storage(self, name: str, path: str) -> None:
        """Delete through a storage with a way of its own. Raise FileNotFoundError, or its error."""
        is_there = self._is_there(path)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - see above
            raise IsADirectoryError(path)
        self.storage.delete(name)
        if not is_there:
            raise FileNotFoundError(path)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Look for each file. Raise the error of a folder that cannot be looked into."""
        refuse_inside_transaction()
        return {name: not self._is_there(self._path(name)) for name in names}

    def _look(self, name: str) -> tuple[bool, bool]:
        return self._is_there(self._path(name)), True

    @staticmethod
    def _is_there(path: str) -> bool:
        """Return whether a file is there. `lexists` says no of what it may not look at as well."""
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True
