"""The identity of a storage: a UUID in the database and in an identity file in the storage.

It is verified before a purge erases files. With an unmounted disk or a wrong endpoint, every file
would seem to be missing already; with a copy of the production database, staging would erase
production files.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from moderation.exceptions import ModerationError
from moderation.models import AuditEntry, StorageIdentity
from moderation.storage.base import IDENTITY_FILE, Adapter, message_of
from moderation.storage.resolve import adapter_for
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Entries in one UPDATE, so that no lock is held for long.
FILL_BATCH = 1000
# Attempts to read an identity file, and the seconds between them: a single truncated or corrupt
# reply is not a reason to stop using a storage for a minute.
TRIES = 3
PAUSE = 1.0
# Seconds after which a failed attempt is not repeated.
NO_RETRY_AFTER = 10.0


class WrongStorage(ModerationError):
    """The storage behind an alias is not the expected one, or its identity cannot be verified."""


class IdentityRefused(ModerationError):
    """A storage may not get the identity; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """The content of a storage's identity file."""

    identity: uuid.UUID
    environment: str

    def as_bytes(self) -> bytes:
        """Return the content as JSON."""
        content = {"identity": str(self.identity), "environment": self.environment}
        return json.dumps(content, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> IdentityFile:
        """Parse the content. Raises ValueError if it is not that of an identity file."""
        parsed = json.loads(content)
        if not isinstance(parsed, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - bad content, not a bad type
        return cls(uuid.UUID(str(parsed.get("identity"))), str(parsed.get("environment", "")))


def environment() -> str:
    """Return the name of the running environment."""
    return str(getattr(settings, "ENVIRONMENT", ""))


def read_identity(alias: str, adapter: Adapter | None = None) -> IdentityFile | None:
    """Return the content of the storage's identity file, or None if it has none.

    Raises WrongStorage, with the storage's own error message, if it cannot be read.
    """
    refuse_inside_transaction()
    try:
        return _read_with_retries(adapter or adapter_for(alias))
    except Exception as error:
        raise _unreadable(alias, error) from error


@contextmanager
def opened_adapter(alias: str) -> Iterator[Adapter]:
    """Yield an adapter of the storage whose location is open; see `Adapter.opened`.

    If the identity is verified with this adapter, everything that it then does concerns the same
    location. Raises WrongStorage for an unknown alias.
    """
    try:
        adapter = adapter_for(alias)
    except Exception as error:
        raise _unreadable(alias, error) from error
    with adapter.opened():
        yield adapter


def _unreadable(alias: str, error: Exception) -> WrongStorage:
    message = _("The identity file of storage %(alias)s cannot be read: %(error)s")
    text = f"{type(error).__name__}: {message_of(error)}"
    return WrongStorage(message % {"alias": alias, "error": text})


def _read_with_retries(adapter: Adapter) -> IdentityFile | None:
    """Read an identity file, with retries if it cannot be read. Raises the last error."""
    deadline = time.monotonic() + NO_RETRY_AFTER
    for _try in range(1, TRIES):
        try:
            return _read_once(adapter)
        except Exception as error:  # a storage may raise anything
            if time.monotonic() > deadline:
                raise
            logger.info("An identity file could not be read, trying again: %r", error)
            time.sleep(PAUSE)
    return _read_once(adapter)


def _read_once(adapter: Adapter) -> IdentityFile | None:
    content = adapter.read_identity_file()
    return None if content is None else IdentityFile.from_bytes(content)


def verify_identity(alias: str, identity: uuid.UUID | None, adapter: Adapter | None = None) -> None:
    """Raise WrongStorage unless the storage has this identity and belongs to this environment.

    The message says what differs. Raises RuntimeError inside a transaction.
    """
    found = read_identity(alias, adapter)
    if identity is None:
        message = _("Storage %(alias)s has no identity. Run “manage.py mark_storage”.")
    elif found is None:
        message = _(
            "Storage %(alias)s holds no identity file (%(file)s): it may be unmounted, empty or a "
            "different storage."
        )
    elif found.identity != identity:
        message = _(
            "Storage %(alias)s is a different storage: its identity file says %(found)s, not "
            "%(wanted)s."
        )
    elif found.environment != environment():
        message = _("Storage %(alias)s belongs to environment “%(theirs)s”; this is “%(running)s”.")
    else:
        return
    raise WrongStorage(
        message
        % {
            "alias": alias,
            "file": IDENTITY_FILE,
            "found": found and found.identity,
            "wanted": identity,
            "theirs": found and found.environment,
            "running": environment(),
        }
    )


def write_identity(alias: str, *, replace: bool = False) -> StorageIdentity:
    """Create an identity for the storage, or record the one that it has. Idempotent.

    If the database does not know a storage, the identity in its file is recorded, provided that the
    file is from this environment. `replace` writes the known identity to a storage that lost its
    file, and accepts a new storage for a database that came from another environment. Entries that
    were recorded before the storage had an identity get it. Raises IdentityRefused if file and
    database disagree, and WrongStorage if the file cannot be read.
    """
    found = read_identity(alias)
    _refuse_other_environment(alias, found)
    known = StorageIdentity.objects.filter(alias=alias).first()
    is_copied = known is not None and known.environment != environment()
    if is_copied and not replace:
        raise IdentityRefused(
            _(
                "The database knows storage %(alias)s from environment “%(theirs)s”; this is "
                "“%(running)s”. If this environment has a storage of its own behind that name, "
                "run mark_storage with --replace."
            )
            % {"alias": alias, "theirs": known and known.environment, "running": environment()}
        )
    identity = _identity_for(alias, found, None if is_copied else known, replace=replace)
    if found is None:
        # The file first: if writing the row then fails, the next run records the file's identity.
        adapter_for(alias).write_identity_file(IdentityFile(identity, environment()).as_bytes())
    row, _created = StorageIdentity.objects.update_or_create(
        alias=alias,
        defaults={
            "identity": identity,
            "environment": environment(),
            "problem": "",
            "problem_at": None,
            "unverifiable": "",
            "verify_at": None,
            "verify_after": 0,
        },
    )
    if not is_copied:
        _fill_identity(alias, identity)
    return row


def _refuse_other_environment(alias: str, found: IdentityFile | None) -> None:
    if found is not None and found.environment != environment():
        raise IdentityRefused(
            _(
                "Storage %(alias)s belongs to environment “%(theirs)s”; this is “%(running)s”. "
                "Configure another storage."
            )
            % {"alias": alias, "theirs": found.environment, "running": environment()}
        )


def _identity_for(
    alias: str, found: IdentityFile | None, known: StorageIdentity | None, *, replace: bool
) -> uuid.UUID:
    """Return the identity that the storage has or will get. Raises IdentityRefused."""
    if found is None:
        if known is not None and not replace:
            raise IdentityRefused(
                _(
                    "Storage %(alias)s had the identity %(wanted)s and now holds no identity file. "
                    "It may be unmounted, empty or a different storage. If it is the right one, "
                    "run mark_storage with --replace."
                )
                % {"alias": alias, "wanted": known.identity}
            )
        return known.identity if known else uuid.uuid4()
    if known is not None and known.identity != found.identity:
        raise IdentityRefused(
            _(
                "Storage %(alias)s is a different storage: its identity file says %(found)s, the "
                "database %(wanted)s. Configure the storage that the database knows."
            )
            % {"alias": alias, "found": found.identity, "wanted": known.identity}
        )
    other = StorageIdentity.objects.exclude(alias=alias).filter(identity=found.identity).first()
    if other is not None:
        raise IdentityRefused(
            _("Storages %(alias)s and %(other)s are the same. Give each a folder of its own.")
            % {"alias": alias, "other": other.alias}
        )
    return found.identity


def _fill_identity(alias: str, identity: uuid.UUID) -> None:
    """Set the identity of entries that were recorded before the storage had one."""
    without = AuditEntry.objects.filter(storage=alias, identity__isnull=True).order_by("pk")
    while keys := list(without.values_list("pk", flat=True)[:FILL_BATCH]):
        AuditEntry.objects.filter(pk__in=keys).update(identity=identity)
