"""Files in a folder, through Django's FileSystemStorage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import PurePath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from moderation.storage.base import WAS_MISSING, FileToErase, OnVersions, Outcome
from moderation.storage.location import Location, with_trailing_slash
from moderation.storage.one_by_one import OneByOneAdapter
from moderation.storage.spelling import PLAIN_NAME

# Names claimed together: a disk erases thousands a second.
CLAIM_SIZE = 1000
# Django's own method. It ignores a missing file, and removes empty folders.
DJANGO_DELETE = FileSystemStorage.delete


class FileSystemAdapter(OneByOneAdapter):
    """Erases files below the storage's folder, but no folders, not even empty ones."""

    claim_size = CLAIM_SIZE
    storage: FileSystemStorage

    def __init__(self, storage: FileSystemStorage) -> None:
        super().__init__(storage)
        self.folder = os.path.join(storage.location, "")  # noqa: PTH118 - joined to names below
        self._root: int | None = None  # the open root folder, while files are erased

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
        return self._with_open_root(outcomes) if self._deletes_as_django() else outcomes

    def _deletes_as_django(self) -> bool:
        """Return whether `unlink` may replace the storage's own `delete`.

        False if the storage overrides Django's methods, and on Windows, which has no dir_fd.
        """
        plain = self.key_is_root_plus_name and type(self.storage).delete is DJANGO_DELETE
        return plain and os.unlink in os.supports_dir_fd

    def _with_open_root(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """Keep the root folder open, right after its identity was verified, and erase below it.

        If the folder is renamed in the meantime, its files are still found: none looks missing
        because another folder, or none, is at the path for a moment.
        """
        self._root = os.open(self.storage.location, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield from outcomes
        finally:
            root, self._root = self._root, None
            os.close(root)

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
