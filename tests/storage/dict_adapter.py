"""A storage of a site that deletes many files with one call, and an adapter for it.

The adapter is an example for others. It is written from the contributors' guide.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.files.utils import validate_file_name

from moderation.storage import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    FileToErase,
    Location,
    OnVersions,
    Outcome,
    Result,
    message_of,
    not_sent,
    odd_prefixes,
    odd_spellings,
    refuse_identity_file,
    refuse_inside_transaction,
)

# The most keys that fit into one request.
REQUEST_KEYS = 50


class DictStorage(InMemoryStorage):
    """A storage of the site, which deletes many files with one call."""

    def delete_many(self, names: Sequence[str]) -> None:
        for name in names:
            super().delete(name)

    def delete(self, name: str) -> None:
        assert name == IDENTITY_FILE, "files are deleted by delete_many"
        super().delete(name)


class DictAdapter:
    """Erases with one request for many keys, and uses only public names of moderation.storage."""

    claim_size = REQUEST_KEYS
    key_is_root_plus_name = True

    def __init__(self, storage: DictStorage) -> None:
        self.storage = storage

    def location(self) -> str:
        return "dict"

    def opened(self) -> AbstractContextManager[None]:
        return nullcontext()

    def key(self, name: str) -> str:
        try:
            validate_file_name(name, allow_relative_path=True)
        except SuspiciousFileOperation as error:
            raise ValueError(str(error)) from error
        refuse_identity_file(name)
        return posixpath.normpath(name)  # as the storage does: "./a" and "a" are one file

    def real_location(self) -> Location:
        return Location(("dict",))

    def full_key(self, name: str) -> str:
        return self.key(name)

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        return odd_spellings(name)

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        return odd_prefixes(directory)

    def erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        # Not a generator itself: that would refuse only when the first outcome is requested.
        refuse_inside_transaction()
        return self._erase(iter(files))

    def _erase(self, files: Iterator[FileToErase]) -> Iterator[Outcome]:
        while batch := list(islice(files, REQUEST_KEYS)):  # each `next()` may claim more
            outcomes = list(self._erase_batch(batch))
            yield from outcomes
            if any(outcome.unsure for outcome in outcomes):
                return  # the storage does not work: leave the other names for a later claim

    def _erase_batch(self, batch: Sequence[FileToErase]) -> Iterator[Outcome]:
        names = []
        for file in batch:
            if problem := self._problem(file.name):
                yield Outcome(file.name, Result.FAILED, "InvalidName", problem)
            elif not file.may_be_sent():
                yield not_sent(file.name)
            else:
                names.append(file.name)
        if names:
            yield from self._delete_many(names)

    def _problem(self, name: str) -> str:
        try:
            self.key(name)
        except ValueError as error:
            return message_of(error)
        return ""

    def _delete_many(self, names: Sequence[str]) -> list[Outcome]:
        try:
            self.storage.delete_many(names)
        except Exception as error:  # noqa: BLE001 - in place of the errors of a client library
            # It is about no key in particular, and some of the files may be gone.
            code, message = type(error).__name__, message_of(error)
            return [
                Outcome(name, Result.FAILED, code, message, own=False, unsure=True)
                for name in names
            ]
        return [Outcome(name, Result.ERASED) for name in names]

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        refuse_inside_transaction()
        return {name: not self.storage.exists(name) for name in names}

    def read_identity_file(self) -> bytes | None:
        refuse_inside_transaction()
        if not self.storage.exists(IDENTITY_FILE):
            return None
        with self.storage.open(IDENTITY_FILE) as file:
            return bytes(file.read(IDENTITY_FILE_BYTES))

    def write_identity_file(self, content: bytes) -> None:
        refuse_inside_transaction()
        self.storage.delete(IDENTITY_FILE)
        self.storage.save(IDENTITY_FILE, ContentFile(content))
