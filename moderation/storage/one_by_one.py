"""The base of adapters that erase one file after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    FileToErase,
    OnVersions,
    Outcome,
    Result,
    message_of,
    not_sent,
)
from moderation.storage.pace import is_throttled
from moderation.storage.spelling import odd_prefixes, odd_spellings
from moderation.storage.transactions import refuse_inside_transaction

# Errors after which the storage may have deleted the file nevertheless.
UNSURE = (TimeoutError, ConnectionError, EOFError)


class OneByOneAdapter(ABC):
    """Deletes each file, then checks that it is absent.

    Subclasses add the rest of `Adapter`: `key` and the other methods that use no network.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    @abstractmethod
    def key(self, name: str) -> str:
        """Return the key of a name; see `Adapter.key`."""

    @abstractmethod
    def delete(self, name: str) -> str:
        """Delete a file. Return WAS_MISSING if it was not there, otherwise "".

        Raises the storage's own error.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Return whether a file exists. Raises the storage's own error.

        That is NotImplementedError if the storage cannot check it.
        """

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        """Return the spellings that any storage may accept; see `Adapter.odd_spellings`."""
        return odd_spellings(name)

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of oddly spelled names; see `Adapter.odd_prefixes`."""
        return odd_prefixes(directory)

    def opened(self) -> AbstractContextManager[None]:
        """Do nothing: the location cannot change; see `Adapter.opened`."""
        return nullcontext()

    def erase(
        self,
        files: Iterable[FileToErase],
        on_versions: OnVersions,  # noqa: ARG002 - Django's interface knows no versions
    ) -> Iterator[Outcome]:
        """Erase one name after another; see `Adapter.erase`."""
        refuse_inside_transaction()
        return map(self._outcome, files)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Check each name separately; see `Adapter.verify`."""
        refuse_inside_transaction()
        return {name: not self.exists(name) for name in names}

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
            detail = self.delete(name)
            sent = True
            if not file.may_be_sent():
                return not_sent(name, unsure=True)
            exists, verified = self._check(name)
        except Exception as error:  # noqa: BLE001 - a custom storage may raise anything
            return _failed(name, error, sent=sent)
        if exists:
            message = "The file still exists after it was deleted."
            return Outcome(name, Result.FAILED, code="StillThere", message=message)
        return Outcome(name, Result.ERASED, detail=detail, verified=verified)

    def _check(self, name: str) -> tuple[bool, bool]:
        """Return whether the file exists, and whether the storage can check that."""
        try:
            return self.exists(name), True
        except NotImplementedError:
            return False, False


def _failed(name: str, error: Exception, *, sent: bool) -> Outcome:
    throttled = is_throttled(error)
    return Outcome(
        name,
        Result.FAILED,
        type(error).__name__,
        message_of(error),
        own=not throttled,
        unsure=sent or throttled or isinstance(error, UNSURE),
    )
