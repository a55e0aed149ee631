"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.base import WAS_MISSING, FileToErase, Note, Outcome
from moderation.storage.generic import OtherAdapter
from moderation.storage.location import Location, folder
from moderation.storage.spelling import PLAIN_NAME
from moderation.storage.transactions import refuse_inside_transaction

# Names claimed at once: a disk erases thousands a second.
CLAIM_NAMES = 1000
# Django's own. It ignores the error for a missing file, and removes empty folders.
DJANGO_DELETE = FileSystemStorage.delete


class FileSystemAdapter(OtherAdapter):
    """Erases files below the storage's folder. A folder is never erased, even an empty one."""

    claim_names = CLAIM_NAMES
    storage: FileSystemStorage

    def __init__(self, storage: FileSystemStorage) -> None:
        super().__init__(storage)
        self.folder = os.path.join(storage.location, "")  # noqa: PTH118 - joined to names below
        self.joins_names = type(storage).path is FileSystemStorage.path
        self._root: int | None = None  # the open root folder, while files are erased

    def location(self) -> str:
        """Return the root folder."""
        return str(self.storage.location)

    def key(self, name: str) -> str:
        """Return the normalised path below the root. Raises ValueError for paths outside it."""
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
        """Return the disk, and the root folder with its symbolic links resolved."""
        return Location(("disk",), self._real_root)

    def full_key(self, name: str) -> str:
        """Return the path below the real root folder. Raises ValueError as `key` does."""
        return self._real_root + self.key(name)

    def spelled(self, name: str) -> tuple[str, ...]:
        """Return those of any storage, and the absolute path, which Django accepts as a name."""
        return (*super().spelled(name), self.folder + name)

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """Return those of any storage, and absolute paths. A backslash is an ordinary character."""
        begin = tuple(odd for odd in super().odd_beginnings(directory) if "\\" not in odd)
        return begin if directory else (*(odd for odd in begin if odd != "/"), self.folder)

    @cached_property
    def _real_root(self) -> str:
        return folder(os.path.realpath(self.storage.location))

    def _path(self, name: str) -> str:
        """Return the path of a name, for a look at it: what the storage says, only quicker."""
        if self.joins_names and PLAIN_NAME.fullmatch(name):
            return self.folder + name
        return self.storage.path(name)

    def erase(self, files: Iterable[FileToErase], note: Note) -> Iterator[Outcome]:
        """Erase one name after the other; see `Adapter.erase`."""
        outcomes = super().erase(files, note)
        return self._below_open_root(outcomes) if self._deletes_as_django else outcomes

    def _below_open_root(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """Open the root folder once, right after its identity was verified, and erase below it.

        Wherever that very folder is renamed to in the meantime, its files are found there: none
        looks missing because another folder, or none, is at the path for a moment.
        """
        self._root = os.open(self.storage.location, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield from outcomes
        finally:
            root, self._root = self._root, None
            os.close(root)

    @property
    def _deletes_as_django(self) -> bool:
        """Whether nothing of the storage's own is bypassed; dir_fd is missing on Windows."""
        plain = self.joins_names and type(self.storage).delete is DJANGO_DELETE
        return plain and os.unlink in os.supports_dir_fd

    def _erase(self, name: str) -> str:
        path = self._path(name)
        try:
            if self._deletes_as_django:
                os.unlink(self._below(path), dir_fd=self._root)
            else:
                self._delete_by_storage(name, path)
        except FileNotFoundError:
            return WAS_MISSING
        except IsADirectoryError as error:
            raise IsADirectoryError("The storage holds a folder of this name.") from error
        return ""

    def _below(self, path: str) -> str:
        """Return a path from the root folder on while that is open, else the whole path."""
        return path if self._root is None else path.removeprefix(self.folder)

    def _delete_by_storage(self, name: str, path: str) -> None:
        """Delete with the storage's own `delete`. Raises FileNotFoundError, or its error."""
        is_there = self._is_there(path)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - see above
            raise IsADirectoryError(path)
        self.storage.delete(name)
        if not is_there:
            raise FileNotFoundError(path)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Return whether each file is absent. Raises the error of a folder that cannot be read."""
        refuse_inside_transaction()
        return {name: not self._is_there(self._path(name)) for name in names}

    def _look(self, name: str) -> tuple[bool, bool]:
        return self._is_there(self._path(name)), True

    def _is_there(self, path: str) -> bool:
        """Return whether a file exists. Unlike `lexists`, raises an error if it may not look."""
        try:
            os.lstat(self._below(path), dir_fd=self._root)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True
