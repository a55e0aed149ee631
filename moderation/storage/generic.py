"""Any Django storage without an adapter of its own, such as one on FTP or in a database."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterable, Iterator

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.utils import validate_file_name

from moderation.storage.base import (
    WAS_MISSING,
    FileToErase,
    OnVersions,
    Outcome,
    refuse_identity_file,
)
from moderation.storage.location import Location, with_trailing_slash
from moderation.storage.one_by_one import OneByOneAdapter
from moderation.storage.pace import pause_after

# The options that identify the store of storages from django-storages and others.
STORE_OPTIONS = ("bucket_name", "azure_container", "account_name", "endpoint_url", "host", "_host")

# Names claimed together: at 20 ms a request they take seconds, well within a lease.
CLAIM_SIZE = 100
# Failures in a row of a busy or unreachable storage before the other names are left for a later
# claim. Their pauses take a second or so.
MAX_FAILURES = 5


class GenericAdapter(OneByOneAdapter):
    """Uses only Django's own storage interface: `delete`, then `exists`."""

    claim_size = CLAIM_SIZE
    key_is_root_plus_name = True

    def location(self) -> str:
        """Return the class of the storage; nothing else is known about it."""
        return type(self.storage).__qualname__

    def key(self, name: str) -> str:
        """Return the name itself. Raises ValueError if it is empty, absolute or contains ".."."""
        try:
            validate_file_name(name, allow_relative_path=True)
        except SuspiciousFileOperation as error:
            raise ValueError(str(error)) from error
        refuse_identity_file(name)
        return name

    def real_location(self) -> Location:
        """Return the class, the options that identify its store, and the folder `location`."""
        options = ((name, getattr(self.storage, name, None)) for name in STORE_OPTIONS)
        space = tuple(f"{name}={value}" for name, value in options if isinstance(value, str))
        root = getattr(self.storage, "location", "")
        return Location(
            space, with_trailing_slash(root) if isinstance(root, str) else "", type(self.storage)
        )

    def full_key(self, name: str) -> str:
        """Return the location followed by the normalised name. Raises ValueError as `key` does."""
        return self.real_location().root + posixpath.normpath(self.key(name.replace("\\", "/")))

    def erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        """Erase one name after another, more slowly while requests fail; see `Adapter.erase`.

        Requests are not sent in parallel, because many storages are not thread-safe.
        """
        return self._with_pauses(super().erase(files, on_versions))

    def _with_pauses(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """Pause after each failure that may be the storage's; stop after several in a row."""
        failures = 0
        for outcome in outcomes:
            failures = failures + 1 if outcome.unsure else 0
            yield outcome
            if failures == MAX_FAILURES:
                return
            if failures:
                time.sleep(pause_after(failures))

    def delete(self, name: str) -> str:
        """Call the storage's `delete`."""
        try:
            self.storage.delete(name)
        except FileNotFoundError:
            return WAS_MISSING
        return ""

    def exists(self, name: str) -> bool:
        """Call the storage's `exists`."""
        return self.storage.exists(name)
