"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    WAS_MISSING,
    FileToErase,
    OnVersions,
    Outcome,
    refuse_identity_file,
)
from moderation.storage.location import Location, with_trailing_slash
from moderation.storage.one_by_one import OneByOneAdapter
from moderation.storage.spelling import PLAIN_NAME
from moderation.storage.transactions import refuse_inside_transaction

# Names claimed together: a disk erases thousands a second.
CLAIM_SIZE = 1000
# Django's own methods. Its `delete` ignores a missing file, and removes empty folders.
DJANGO_METHODS = {
    name: getattr(FileSystemStorage, name) for name in ("path", "delete", "exists", "open", "_open")
}
# In place of a file descriptor: a root folder that is missing. Every use of it raises OSError.
NO_FOLDER = -1


class FileSystemAdapter(OneByOneAdapter):
    """Erases files below the storage's folder, but no folders, not even empty ones."""

    claim_size = CLAIM_SIZE
    storage: FileSystemStorage

    def __init__(self, storage: FileSystemStorage) -> None:
        super().__init__(storage)
        self.folder = os.path.join(storage.location, "")  # noqa: PTH118 - joined to names below
        self._root: int | None = None  # the open root folder, while there is one

    @cached_property
    def key_is_root_plus_name(self) -> bool:
        """Return whether the storage's `path` is Django's."""
        return type(self.storage).path is FileSystemStorage.path

    def location(self) -> str:
        """Return the root folder."""
        return str(self.storage.location)

    def key(self, name: str) -> str:
        """Return the normalised path below the root. Raises ValueError for paths outside it."""
        if self.key_is_root_plus_name and PLAIN_NAME.fullmatch(name):
            return name
        if "\0" in name:
            raise ValueError("The name contains a NUL character.")
        try:
            path = self.storage.path(name)
        except SuspiciousFileOperation as error:
            raise ValueError(str(error)) from error
        key = PurePath(os.path.relpath(path, self.storage.location)).as_posix()
        if key == ".":
            raise ValueError("The name is that of the root folder.")
        refuse_identity_file(key)
        return key

    def real_location(self) -> Location:
        """Return the disk, and the root folder with its symbolic links resolved."""
        return Location(("disk",), self._real_root)

    def full_key(self, name: str) -> str:
        """Return the path below the real root folder. Raises ValueError as `key` does."""
        return self._real_root + self.key(name)

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        """Return those of any storage, and the absolute path, which Django accepts as a name."""
        return (*super().odd_spellings(name), self.folder + name)

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        """Return those of any storage, and absolute paths. A backslash is an ordinary character."""
        prefixes = tuple(odd for odd in super().odd_prefixes(directory) if "\\" not in odd)
        return prefixes if directory else (*(odd for odd in prefixes if odd != "/"), self.folder)

    @cached_property
    def _real_root(self) -> str:
        return with_trailing_slash(os.path.realpath(self.storage.location))

    def _path(self, name: str) -> str:
        """Return the path of a name, like the storage's `path`, but faster for plain names."""
        if self.key_is_root_plus_name and PLAIN_NAME.fullmatch(name):
            return self.folder + name
        return self.storage.path(name)

    def erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        """Erase one name after another; see `Adapter.erase`."""
        outcomes = super().erase(files, on_versions)
        return outcomes if self._root is not None else self._opened_for(outcomes)

    def _opened_for(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        with self.opened():
            yield from outcomes

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the root folder open, to verify and erase below the same folder.

        If it is renamed in the meantime, its files are still found: none looks missing because
        another folder, or none, is at its path for a moment.
        """
        if not self._is_plain():
            yield
            return
        self._root = _open_folder(self.storage.location)
        try:
            yield
        finally:
            root, self._root = self._root, None
            if root != NO_FOLDER:
                os.close(root)

    def _is_plain(self) -> bool:
        """Return whether the files may be accessed without the storage's own methods.

        False if the storage overrides Django's, and on Windows, which has no dir_fd.
        """
        own = type(self.storage)
        plain = all(getattr(own, name) is method for name, method in DJANGO_METHODS.items())
        return plain and os.unlink in os.supports_dir_fd

    def read_identity_file(self) -> bytes | None:
        """Return the content of the identity file; see `Adapter.read_identity_file`.

        While the root folder is open, the file is that of this folder, or None if the folder is no
        longer at its path.
        """
        if self._root is None:
            return super().read_identity_file()
        refuse_inside_transaction()
        if self._root == NO_FOLDER:
            return None
        try:
            if not os.path.samestat(os.stat(self.storage.location), os.fstat(self._root)):  # noqa: PTH116 - see above
                return None
            file = os.open(IDENTITY_FILE, os.O_RDONLY, dir_fd=self._root)
        except FileNotFoundError:
            return None
        with open(file, "rb") as opened:  # noqa: PTH123 - a file descriptor
            return opened.read(IDENTITY_FILE_BYTES)

    def delete(self, name: str) -> str:
        """Delete a file below the open root folder, or by the storage's own `delete`."""
        path = self._path(name)
        try:
            if self._root is None:
                self._delete_by_storage(name, path)
            else:
                os.unlink(self._from_root(path), dir_fd=self._root)
        except FileNotFoundError:
            return WAS_MISSING
        except IsADirectoryError as error:
            raise IsADirectoryError("The storage holds a folder of this name.") from error
        return ""

    def exists(self, name: str) -> bool:
        """Return whether a file exists. Raises OSError if a folder cannot be read."""
        return self._path_exists(self._path(name))

    def _delete_by_storage(self, name: str, path: str) -> None:
        """Call the storage's own `delete`. Raises its errors, and FileNotFoundError if missing."""
        existed = self._path_exists(path)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - see above
            raise IsADirectoryError(path)
        self.storage.delete(name)
        if not existed:
            raise FileNotFoundError(path)

    def _path_exists(self, path: str) -> bool:
        """Return whether a path exists. Unlike `lexists`, raises OSError if it cannot look."""
        try:
            os.lstat(self._from_root(path), dir_fd=self._root)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _from_root(self, path: str) -> str:
        """Return the path relative to the root folder while that is open, else the whole path."""
        return path if self._root is None else path.removeprefix(self.folder)


def _open_folder(path: str | os.PathLike[str]) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return NO_FOLDER
