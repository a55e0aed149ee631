"""The interface between the purge and a storage, and the types that both sides exchange."""

from __future__ import annotations

import enum
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from moderation.models import states
from moderation.storage.lease import Lease
from moderation.storage.location import Location

# The name of the file with the storage's identity (moderation.storage.identity), in its location.
IDENTITY_FILE = ".moderation-storage.json"
# Bytes read from that file. It has about 100; a longer one is not ours and may be of any size.
IDENTITY_FILE_BYTES = 4096

# Details of outcomes. The audit log stores them verbatim.
WAS_MISSING = states.WAS_MISSING
ERASED_EARLIER = "erased in an earlier attempt"
NEWER_STAYS = "a newer version, written since by someone else, stays"

# Called with {name: the versions that are about to be deleted}. Its exceptions are passed on.
OnVersions = Callable[[Mapping[str, tuple[str, ...]]], None]


def refuse_identity_file(key: str) -> None:
    """Raise ValueError if a key names the identity file of this storage or of one inside it.

    Removing a row must never erase one: without it, nothing in the storage can be purged.
    """
    if posixpath.basename(key) == IDENTITY_FILE:
        raise ValueError("The name is that of an identity file.")


class Result(enum.Enum):
    """The result of an attempt to erase a key."""

    ERASED = "erased"
    NEWER_VERSION = "newer version"  # a newer version, written by someone else, stays
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileToErase:
    """A name to erase. `versions` comes from the outcome of an earlier attempt (may be empty).

    No request may be sent for it after `lease` has expired. Without a lease there is no limit.
    """

    name: str
    versions: tuple[str, ...] = ()
    lease: Lease | None = field(default=None, compare=False)

    def may_be_sent(self) -> bool:
        """Return whether a request for it may be sent now. Call it right before each request."""
        return self.lease is None or self.lease.is_active()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The storage's result for one name.

    `versions` are the versions and delete markers that were to be deleted on a versioned bucket,
    even if that failed: passed again as `FileToErase.versions`, only these are deleted. `code`
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

    An adapter is created with the storage as its only argument, often and without network. No
    method may be called inside a database transaction, except those that say "No network".
    """

    @property
    def claim_size(self) -> int:
        """Return how many names a worker claims together. No network.

        Few for a slow storage, so that workers share them.
        """

    @property
    def key_is_root_plus_name(self) -> bool:
        """Return whether `full_key` of a plain name is `real_location().root` and the name.

        No network. A custom storage may put it elsewhere below the root, for instance in a folder
        for each tenant.
        """

    def location(self) -> str:
        """Return the bucket or root folder, for the audit entry. No network."""

    def key(self, name: str) -> str:
        """Return the key of a name, as the audit log shows it. No network.

        Raises ValueError for a name that does not name a file, leads out of the location, or names
        an identity file.
        """

    def real_location(self) -> Location:
        """Return where the files really are, to compare it with other storages. No network."""

    def full_key(self, name: str) -> str:
        """Return the key of a name, in any spelling, within the space of `real_location`.

        It begins with `real_location().root`. No network. Raises ValueError as `key` does.
        """

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        """Return other names that lead to the same key, such as "a//b" for "a/b". No network.

        Rows are searched for these if too many names in a column have one of `odd_prefixes`.
        """

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of oddly spelled names in a directory, such as "a//". No network.

        Rows are also searched for names with these prefixes, because they may lead to the same key.
        Return `()` here and in `odd_spellings` only if each name is its own key; otherwise a file
        that a row uses could be erased.
        """

    def opened(self) -> AbstractContextManager[None]:
        """Return a context in which all methods use the location that exists when it is entered.

        Another folder that takes its place is then neither verified nor searched.
        """

    def erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        """Erase names; yield exactly one outcome for each name consumed, in any order.

        On a versioned storage, `on_versions` is called with the versions of some names before they
        are deleted. After a crash of the caller, the next one passes them in again, so that no
        newer version is deleted.

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
        """Return {name: whether nothing is stored under it}.

        Raises the storage's own error if this is unclear, and ValueError as `key` does.
        """

    def read_identity_file(self) -> bytes | None:
        """Return the content of the storage's identity file, or None if there is none.

        Raises the storage's own error if it cannot be read.
        """

    def write_identity_file(self, content: bytes) -> None:
        """Write the storage's identity file, replacing an older one.

        Raises the storage's own error if it cannot be written.
        """


LEASE_EXPIRED = "LeaseExpired"
LEASE_EXPIRED_MESSAGE = "The worker was delayed beyond its lease. Another worker will retry."


def not_sent(name: str, *, unsure: bool = False) -> Outcome:
    """Return the outcome of a name whose lease expired before a request was sent."""
    return Outcome(
        name, Result.FAILED, LEASE_EXPIRED, LEASE_EXPIRED_MESSAGE, own=False, unsure=unsure
    )


def message_of(error: BaseException) -> str:
    """Return the message of an exception, or a description if it is a number or empty."""
    match error:
        case OSError(args=(int(number),)):
            return f"[Errno {number}] {os.strerror(number)}"
    return str(error).strip() or f"{type(error).__name__}, without a message"


def versions_to_delete(recorded: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the versions to delete for several entries of one key.

    Empty, which means all that exist, if one entry was not attempted yet: a version that was
    stored after the others were attempted is the file of this entry.
    """
    each = list(recorded)
    return tuple(dict.fromkeys(v for versions in each for v in versions)) if all(each) else ()
