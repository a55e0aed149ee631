"""The one interface through which a purge touches storage, whatever stands behind an alias."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from moderation.models import audit
from moderation.storage.lease import Lease
from moderation.storage.location import Location

# The file that holds the storage's identity (moderation.storage.identity), inside its location.
IDENTITY_FILE = ".moderation-storage.json"
# A marker has about 100 bytes; more is not ours, and a wrong file may be of any size.
IDENTITY_FILE_BYTES = 4096

# Details of outcomes. They are stored in the audit log as they stand here.
WAS_MISSING = audit.WAS_MISSING
ERASED_EARLIER = "erased in an earlier attempt"
NEWER_STAYS = "a newer version, written since by somebody else, stays"


# Called with {name: the versions that are about to be taken}. What it raises comes through.
Note = Callable[[Mapping[str, tuple[str, ...]]], None]


class Result(enum.Enum):
    """What became of a key when the storage was asked to erase it."""

    ERASED = "erased"
    NEWER_VERSION = "newer version"  # a newer version, written by somebody else, stays
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileToErase:
    """A name to erase. `versions` is that of an earlier attempt's outcome (may be empty).

    No request may be sent for it once `lease` has expired. Without a lease there is no limit.
    """

    name: str
    versions: tuple[str, ...] = ()
    lease: Lease | None = field(default=None, compare=False)

    def may_be_asked_for(self) -> bool:
        """Return whether a request for it may be sent now. Call it right before each request."""
        return self.lease is None or self.lease.holds()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The storage's result for one name.

    `versions` are the versions and delete markers that were deleted on a versioned bucket, even if
    some could not be erased: passed again as `FileToErase.versions`, only these are deleted. `code`
    and `message` are the storage's error (unchanged; the purge shortens and cleans them). `detail`
    annotates a success, for instance "was missing already". `verified` is true if the adapter
    checked afterwards that the key is absent. For a failure, `own` is false if the error was not
    about this key, which then does not count as an attempt, and `unsure` is true if the storage may
    have deleted the file nevertheless.
    """

    name: str
    result: Result
    code: str = ""
    message: str = ""
    detail: str = ""
    versions: tuple[str, ...] = field(default=())
    verified: bool = False
    own: bool = True
    unsure: bool = False


class Adapter(Protocol):
    """The interface to every storage.

    No method may be called inside a database transaction, except those that say "No network".
    """

    # Names that are claimed for it at once, so that the workers share what a slow storage has.
    claim_names: int
    # Whether a plain name lies at the root with the name behind it. A storage of a site's own may
    # put it elsewhere below the root, such as into a folder for each tenant.
    joins_names: bool

    def location(self) -> str:
        """Return the bucket or root folder, for the audit entry. No network."""

    def key(self, name: str) -> str:
        """Return the full key of a name as the storage sees it. No network.

        Raises ValueError for a name that names nothing or leaves the location.
        """

    def real_location(self) -> Location:
        """Return where the files really are, for comparison with other storages. No network."""

    def full_key(self, name: str) -> str:
        """Return the key of a name, in any spelling, within the space of `real_location`.

        No network. Raises ValueError as `key` does.
        """

    def spelled(self, name: str) -> tuple[str, ...]:
        """Return the odd spellings of a name that a site may use throughout. No network."""

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of odd names that lead through a directory. No network."""

    def erase(self, files: Iterable[FileToErase], note: Note) -> Iterator[Outcome]:
        """Erase names; yield exactly one outcome for each name consumed, in any order.

        On a versioned storage, `note` is called with the versions of some names before they are
        deleted. After a crash of the caller, the next one passes them in again, so that no newer
        version is deleted.

        Names are consumed from the iterable as they are needed, so that they can be claimed while
        requests are running. Its exceptions are passed on, and names that an adapter did not
        consume because it gave up have no outcome. Each name's lease is checked right before each
        request that contains it; a name whose lease has expired is not sent, and its outcome is
        `not_sent`. A missing file counts only after the caller has verified the storage again.
        Errors of the storage become outcomes, and so does a name that `key` refuses. If this method
        raises any other exception, the outcome of the names not yielded is unknown, and they may be
        retried.
        """

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Look again: {name: whether nothing is stored under it any more}.

        Raises the storage's own error where it does not say, ValueError where `key` does.
        """

    def read_identity_file(self) -> bytes | None:
        """Return the content of the storage's marker file, None where there is none.

        Raises the storage's own error where it cannot be read.
        """

    def write_identity_file(self, content: bytes) -> None:
        """Put the marker file into the storage, in place of an older one.

        Raises the storage's own error where it cannot be written.
        """


LEASE_OVER = "LeaseOver"
LEASE_IS_OVER = "The worker was delayed beyond its lease. Another worker will retry."


def not_sent(name: str, *, unsure: bool = False) -> Outcome:
    """Return the outcome of a name whose lease expired before a request was sent."""
    return Outcome(name, Result.FAILED, LEASE_OVER, LEASE_IS_OVER, own=False, unsure=unsure)


def message_of(error: BaseException) -> str:
    """Return the message of an exception, described in words if it is a number or empty."""
    match error:
        case OSError(args=(int(number),)):
            return f"[Errno {number}] {os.strerror(number)}"
    return str(error).strip() or f"{type(error).__name__}, without a message"


def versions_of(taken: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the versions to take for several entries of one key.

    None by name, which is all that are there, where one entry was not tried yet: what was stored
    since the others were tried is its file.
    """
    each = list(taken)
    return tuple(dict.fromkeys(v for versions in each for v in versions)) if all(each) else ()
