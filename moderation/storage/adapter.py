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

# The file that holds the storage's identity (moderation.storage.mark), inside its location.
MARKER_NAME = ".moderation-storage.json"
# A marker has about 100 bytes; more is not ours, and a wrong file may be of any size.
MARKER_BYTES = 4096

# Remarks of outcomes. They are stored in the audit log as they stand here.
WAS_MISSING = audit.WAS_MISSING
ERASED_EARLIER = "erased in an earlier attempt"
NEWER_STAYS = "a newer version, written since by somebody else, stays"


# Called with {name: the versions that are about to be taken}. What it raises comes through.
Note = Callable[[Mapping[str, tuple[str, ...]]], None]


class Fate(enum.Enum):
    """What became of a key when the storage was asked to erase it."""

    ERASED = "erased"
    KEPT = "kept"  # a newer version, written by somebody else, stays
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Doomed:
    """A name to erase. `versions` is what an earlier attempt's outcome told (may be empty).

    Nothing may be sent for it once `lease` is over; without one there is no limit.
    """

    name: str
    versions: tuple[str, ...] = ()
    lease: Lease | None = field(default=None, compare=False)

    def may_be_asked_for(self) -> bool:
        """Return whether a request for it may be sent now. To be called right before each."""
        return self.lease is None or self.lease.holds()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The storage's own answer for one name.

    `versions` are the versions and delete markers that were taken on a versioned bucket, also when
    not all of them could be erased: handed in again as `Doomed.versions`, only these are taken.
    `code` and `message` are the storage's words for a failure (as they came; the purge cuts and
    cleans them). `remark` says what is worth knowing of a success, such as "was missing already".
    `verified` is true when the adapter looked and found the key absent afterwards.
    Of a failure, `own` is false where the storage said nothing of this very key: that is no attempt
    of it. `unsure` is true where the storage may have obeyed nevertheless.
    """

    name: str
    fate: Fate
    code: str = ""
    message: str = ""
    remark: str = ""
    versions: tuple[str, ...] = field(default=())
    verified: bool = False
    own: bool = True
    unsure: bool = False


class Adapter(Protocol):
    """What every storage can be asked. No method may be called inside a database transaction,
    save those that say "No network".
    """

    # Names that are claimed for it at once, so that the workers share what a slow storage has.
    claim_names: int
    # Whether a plain name lies at the root with the name behind it. A storage of a site's own may
    # put it elsewhere below the root, such as into a folder for each tenant.
    joins_names: bool

    def location(self) -> str:
        """The bucket or root folder, for the audit entry. No network."""

    def key(self, name: str) -> str:
        """The full key of a name as the storage sees it. No network.

        Raises ValueError for a name that names nothing or leaves the location.
        """

    def real_location(self) -> Location:
        """Where the files really are, to be compared with other storages. No network."""

    def full_key(self, name: str) -> str:
        """The key of a name within the space of `real_location`, however the name is spelled.

        No network. Raises ValueError as `key` does.
        """

    def spelled(self, name: str) -> tuple[str, ...]:
        """The ways other than plain in which a site may spell all of its names. No network."""

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """How names begin that lead through a directory and are not plain. No network."""

    def erase(self, doomed: Iterable[Doomed], note: Note) -> Iterator[Outcome]:
        """Erase names; yield exactly one outcome for each that is taken, in any order.

        Where versions are kept, `note` is called with those of some names before these are deleted.
        A caller that dies then hands them in again, and nothing newer is taken.

        Names are taken from the iterable as they are needed, so that they can be claimed while
        requests are under way: what it raises comes through, and what an adapter that gave up did
        not take has no outcome. Each name's lease is checked right before each request that
        holds it; one that is over is not sent, and comes out as `not_sent`. What is missing counts
        only once the caller has verified the storage again. Errors of the storage become outcomes;
        a name that `key` refuses becomes one too. Any other exception that leaves this method means
        that the fate of what was not yielded is unknown, and may be tried again.
        """

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """Look again: {name: whether nothing is stored under it any more}.

        Raises the storage's own error where it does not say, ValueError where `key` does.
        """

    def read_marker(self) -> bytes | None:
        """The content of the storage's marker file, None where there is none.

        Raises the storage's own error where it cannot be read.
        """

    def write_marker(self, content: bytes) -> None:
        """Put the marker file into the storage, in place of an older one.

        Raises the storage's own error where it cannot be written.
        """


LEASE_OVER = "LeaseOver"
LEASE_IS_OVER = "The worker was held up for longer than its lease. Another one tries again."


def not_sent(name: str, *, unsure: bool = False) -> Outcome:
    """Return the outcome of a name whose lease was over before a request was sent."""
    return Outcome(name, Fate.FAILED, LEASE_OVER, LEASE_IS_OVER, own=False, unsure=unsure)


def message_of(error: BaseException) -> str:
    """Return what an exception says, in words where it has only a number or nothing."""
    match error:
        case OSError(args=(int(number),)):
            return f"[Errno {number}] {os.strerror(number)}"
    return str(error).strip() or f"{type(error).__name__}, without a message"


def versions_of(taken: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The versions to take for several entries of one key.

    None by name, which is all that are there, where one entry was not tried yet: what was stored
    since the others were tried is its file.
    """
    each = list(taken)
    return tuple(dict.fromkeys(v for versions in each for v in versions)) if all(each) else ()
