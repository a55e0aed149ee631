"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.adapter import WAS_MISSING
from moderation.storage.guard import refuse_inside_transaction
from moderation.storage.location import Location, folder
from moderation.storage.other import OtherAdapter
from moderation.storage.spelling import PLAIN_NAME

# Names claimed at once: a disk erases thousands a second.
CLAIM_NAMES = 1000
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
