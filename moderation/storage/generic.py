"""Any Django storage other than S3 and folders: each name is deleted, then checked."""

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
    OnVersions,
    Outcome,
    Result,
    message_of,
    not_sent,
)
from moderation.storage.location import Location, folder
from moderation.storage.spelling import odd_prefixes, odd_spellings
from moderation.storage.transactions import refuse_inside_transaction

# The options that identify the store of storages from django-storages and others.
STORE_OPTIONS = ("bucket_name", "azure_container", "account_name", "endpoint_url", "host", "_host")

# Names claimed together: at 20 ms a request they take seconds, well within a lease.
CLAIM_SIZE = 100
# Errors after which the storage may have deleted the file nevertheless.
UNSURE = (TimeoutError, ConnectionError, EOFError)


class GenericAdapter:
    """Uses only Django's own storage interface: `delete`, then `exists`."""

    claim_size = CLAIM_SIZE
    joins_names = True

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def location(self) -> str:
        """Return the class of the storage; nothing else is known about it."""
        return type(self.storage).__qualname__

    def key(self, name: str) -> str:
        """Return the name itself. Raises ValueError if it is empty, absolute or contains ".."."""
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
        """Return the location followed by the normalised name. Raises ValueError as `key` does."""
        return self.real_location().root + posixpath.normpath(self.key(name.replace("\\", "/")))

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        """Return the spellings that any storage may accept; see `Adapter.odd_spellings`."""
        return odd_spellings(name)

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of oddly spelled names; see `Adapter.odd_prefixes`."""
        return odd_prefixes(directory)

    def erase(
        self,
        files: Iterable[FileToErase],
        on_versions: OnVersions,  # noqa: ARG002 - Django's interface knows no versions
    ) -> Iterator[Outcome]:
        """Erase one name after another; see `Adapter.erase`."""
        refuse_inside_transaction()
        return map(self._outcome, files)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Call `exists` for each name. Raises the storage's own error."""
        refuse_inside_transaction()
        return {name: not self.storage.exists(name) for name in names}

    def read_identity_file(self) -> bytes | None:
        """Return the content of the identity file; see `Adapter.read_identity_file`."""
        refuse_inside_transaction()
        if not self.storage.exists(IDENTITY_FILE):
            return None
        with self.storage.open(IDENTITY_FILE, "rb") as file:
            return bytes(file.read(IDENTITY_FILE_BYTES))

    def write_identity_file(self, content: bytes) -> None:
        """Write the identity file. Raises OSError if the storage saves it under another name."""
        refuse_inside_transaction()
        # A storage that does not overwrite would save the new file under another name.
        self.storage.delete(IDENTITY_FILE)
        saved = self.storage.save(IDENTITY_FILE, ContentFile(content))
        if saved != IDENTITY_FILE:
            self.storage.delete(saved)
            raise OSError(f"The storage saved {saved!r} instead of {IDENTITY_FILE!r}.")

    def _outcome(self, file: FileToErase) -> Outcome:
        name, sent = file.name, False
        try:
            self.key(name)
            if not file.may_be_sent():
                return not_sent(name)
            detail = self._erase(name)
            sent = True
            if not file.may_be_sent():
                return not_sent(name, unsure=True)
            exists, verified = self._check(name)
        except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
            code = type(error).__name__
            unsure = sent or isinstance(error, UNSURE)
            return Outcome(name, Result.FAILED, code, message_of(error), unsure=unsure)
        if exists:
            message = "The file still exists after it was deleted."
            return Outcome(name, Result.FAILED, code="StillThere", message=message)
        return Outcome(name, Result.ERASED, detail=detail, verified=verified)

    def _erase(self, name: str) -> str:
        """Delete the file and return the detail. Raises the storage's own error."""
        try:
            self.storage.delete(name)
        except FileNotFoundError:
            return WAS_MISSING
        return ""

    def _check(self, name: str) -> tuple[bool, bool]:
        """Return (whether the file exists, whether the storage can check it).

        Raises the storage's own error.
        """
        try:
            return self.storage.exists(name), True
        except NotImplementedError:
            return False, False
