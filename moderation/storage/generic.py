"""Any Django storage that is neither S3 nor a folder: one name at a time, and a look afterwards."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.core.files.utils import validate_file_name

from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    WAS_MISSING,
    FileToErase,
    Note,
    Outcome,
    Result,
    message_of,
    not_sent,
)
from moderation.storage.location import Location, folder
from moderation.storage.spelling import odd_beginnings, spelled
from moderation.storage.transactions import refuse_inside_transaction

# Options that identify the store of storages from django-storages and others.
STORE_OPTIONS = ("bucket_name", "azure_container", "account_name", "endpoint_url", "host", "_host")

# Names claimed at once: at 20 ms a request they take seconds, well within a lease.
CLAIM_NAMES = 100
# Errors after which the storage may have deleted the file nevertheless.
UNSURE = (TimeoutError, ConnectionError, EOFError)


class OtherAdapter:
    """Asks a storage by Django's own interface alone: `delete`, then `exists`."""

    claim_names = CLAIM_NAMES
    joins_names = True

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def location(self) -> str:
        """Return the class of the storage: nothing else is known of it."""
        return type(self.storage).__qualname__

    def key(self, name: str) -> str:
        """Return the name itself. Raises ValueError where it is empty, absolute or climbs."""
        try:
            validate_file_name(name, allow_relative_path=True)
        except SuspiciousFileOperation as error:
            raise ValueError(str(error)) from error
        return name

    def real_location(self) -> Location:
        """Return the class, the options that identify its store, and the folder `location`."""
        options = ((name, getattr(self.storage, name, None)) for name in STORE_OPTIONS)
        space = tuple(f"{name}={value}" for name, value in options if isinstance(value, str))
        root = getattr(self.storage, "location", "")
        return Location(space, folder(root) if isinstance(root, str) else "", type(self.storage))

    def full_key(self, name: str) -> str:
        """Return the location with the normalised name. Raises ValueError as `key` does."""
        return self.real_location().root + posixpath.normpath(self.key(name.replace("\\", "/")))

    def spelled(self, name: str) -> tuple[str, ...]:
        """Return the spellings that any storage may understand; see `Adapter.spelled`."""
        return spelled(name)

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of odd names; see `Adapter.odd_beginnings`."""
        return odd_beginnings(directory)

    def erase(self, files: Iterable[FileToErase], note: Note) -> Iterator[Outcome]:  # noqa: ARG002
        """Erase one name after the other; see `Adapter.erase`."""
        refuse_inside_transaction()
        return map(self._outcome, files)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Ask `exists` for each name. Raises the storage's own error."""
        refuse_inside_transaction()
        return {name: not self.storage.exists(name) for name in names}

    def read_identity_file(self) -> bytes | None:
        """Return the marker's content; see `Adapter.read_identity_file`."""
        refuse_inside_transaction()
        if not self.storage.exists(IDENTITY_FILE):
            return None
        with self.storage.open(IDENTITY_FILE, "rb") as marker:
            return bytes(marker.read(IDENTITY_FILE_BYTES))

    def write_identity_file(self, content: bytes) -> None:
        """Put the marker in place of an older one. Raises OSError where another name came out."""
        refuse_inside_transaction()
        # A storage that does not overwrite would give the second marker a name of its own.
        self.storage.delete(IDENTITY_FILE)
        saved = self.storage.save(IDENTITY_FILE, ContentFile(content))
        if saved != IDENTITY_FILE:
            self.storage.delete(saved)
            raise OSError(f"The storage saved {saved!r} where {IDENTITY_FILE!r} was asked for.")

    def _outcome(self, each: FileToErase) -> Outcome:
        name, sent = each.name, False
        try:
            self.key(name)
            if not each.may_be_asked_for():
                return not_sent(name)
            detail = self._erase(name)
            sent = True
            if not each.may_be_asked_for():
                return not_sent(name, unsure=True)
            left, verified = self._look(name)
        except Exception as error:  # noqa: BLE001 - a foreign storage raises what it likes
            code = type(error).__name__
            unsure = sent or isinstance(error, UNSURE)
            return Outcome(name, Result.FAILED, code, message_of(error), unsure=unsure)
        if left:
            return Outcome(name, Result.FAILED, code="StillThere", message="It exists afterwards.")
        return Outcome(name, Result.ERASED, detail=detail, verified=verified)

    def _erase(self, name: str) -> str:
        """Delete it and give the detail. Raises the storage's own error."""
        try:
            self.storage.delete(name)
        except FileNotFoundError:
            return WAS_MISSING
        return ""

    def _look(self, name: str) -> tuple[bool, bool]:
        """Tell (is it still there, could it be looked at). Raises the storage's own error."""
        try:
            return self.storage.exists(name), True
        except NotImplementedError:
            return False, False
