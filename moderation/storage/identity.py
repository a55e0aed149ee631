"""Which storage is it really? Each holds a marker with an identity that the database knows.

An unmounted disk, a wrong endpoint or a production database in staging would otherwise look as if
every file were missing already, or lose files that are not theirs to lose.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
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
# Attempts to read a marker, and the seconds between them: a single truncated or corrupt reply is
# not a reason to stop using a storage for a minute. No attempt starts later than the last number.
TRIES = 3
PAUSE = 1.0
LAST_TRY_AFTER = 10.0


class WrongStorage(ModerationError):
    """The storage behind an alias is not, or cannot be shown to be, the one that is meant."""


class IdentityRefused(ModerationError):
    """A storage may not be marked as asked; its text says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a storage's marker file tells."""

    identity: uuid.UUID
    environment: str

    def as_bytes(self) -> bytes:
        """Return the file's content."""
        told = {"identity": str(self.identity), "environment": self.environment}
        return json.dumps(told, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Marker:
        """Read the file's content. Raises ValueError where it is no marker of ours."""
        told = json.loads(content)
        if not isinstance(told, dict):
            raise ValueError("it holds no object")  # noqa: TRY004 - bad content, not a bad type
        return cls(uuid.UUID(str(told.get("identity"))), str(told.get("environment", "")))


def environment() -> str:
    """Return the name of the running environment."""
    return str(getattr(settings, "ENVIRONMENT", ""))


def read_mark(alias: str) -> Marker | None:
    """Return what the storage's marker tells, None where it has none.

    Raises WrongStorage, with the storage's own words, where it cannot be read.
    """
    refuse_inside_transaction()
    try:
        return _read_with_retries(adapter_for(alias))
    except Exception as error:
        message = _("The marker of storage %(alias)s cannot be read: %(error)s")
        words = f"{type(error).__name__}: {message_of(error)}"
        raise WrongStorage(message % {"alias": alias, "error": words}) from error


def _read_with_retries(adapter: Adapter) -> Marker | None:
    """Read a marker, with retries if it cannot be read. Raises the last error."""
    last = time.monotonic() + LAST_TRY_AFTER
    for _try in range(1, TRIES):
        try:
            return _read_once(adapter)
        except Exception as error:  # any storage's
            if time.monotonic() > last:
                raise
            logger.info("An identity file could not be read, trying again: %r", error)
            time.sleep(PAUSE)
    return _read_once(adapter)


def _read_once(adapter: Adapter) -> Marker | None:
    content = adapter.read_identity_file()
    return None if content is None else Marker.from_bytes(content)


def verify_identity(alias: str, identity: uuid.UUID | None) -> None:
    """Return where the storage carries this identity and the running environment's name.

    Raises WrongStorage, naming what differs, in every other case; RuntimeError in a transaction.
    """
    found = read_mark(alias)
    if identity is None:
        message = _("Storage %(alias)s was never marked. Run “manage.py mark_storage”.")
    elif found is None:
        message = _(
            "Storage %(alias)s holds no marker (%(file)s): it may be unmounted, empty or another."
        )
    elif found.identity != identity:
        message = _("Storage %(alias)s is another one: its marker says %(found)s, not %(wanted)s.")
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
    """Give the storage its identity, or find it again; twice is the same as once.

    A storage that this environment marked and the database does not know is adopted. `replace`
    lays the known marker into a storage that lost it, and lets a database that came from another
    environment name this one's storage. Entries recorded before the first mark get the identity.
    Raises IdentityRefused where marker and database disagree, WrongStorage where it cannot be read.
    """
    found = read_mark(alias)
    _refuse_foreign(alias, found)
    known = StorageIdentity.objects.filter(alias=alias).first()
    moved = known is not None and known.environment != environment()
    if moved and not replace:
        raise IdentityRefused(
            _(
                "The database knows storage %(alias)s from environment “%(theirs)s”; this is "
                "“%(running)s”. If this environment has a storage of its own behind that name, "
                "run mark_storage with --replace."
            )
            % {"alias": alias, "theirs": known and known.environment, "running": environment()}
        )
    identity = _agreed(alias, found, None if moved else known, replace=replace)
    if found is None:
        # The file first: where the row then fails, the next run adopts the file.
        adapter_for(alias).write_identity_file(Marker(identity, environment()).as_bytes())
    mark, _created = StorageIdentity.objects.update_or_create(
        alias=alias,
        defaults={
            "identity": identity,
            "environment": environment(),
            "problem": "",
            "problem_at": None,
            "unverifiable": "",
            "verify_at": None,
        },
    )
    if not moved:
        _fill_identity(alias, identity)
    return mark


def _refuse_foreign(alias: str, found: Marker | None) -> None:
    if found is not None and found.environment != environment():
        raise IdentityRefused(
            _(
                "Storage %(alias)s belongs to environment “%(theirs)s”; this is “%(running)s”. "
                "Configure another storage."
            )
            % {"alias": alias, "theirs": found.environment, "running": environment()}
        )


def _agreed(
    alias: str, found: Marker | None, known: StorageIdentity | None, *, replace: bool
) -> uuid.UUID:
    """Return the identity that the storage has or is to get. Raises IdentityRefused."""
    if found is None:
        if known is not None and not replace:
            raise IdentityRefused(
                _(
                    "Storage %(alias)s was marked as %(wanted)s and now holds no marker. It may be "
                    "unmounted, empty or another. If it is the right one, run mark_storage with "
                    "--replace."
                )
                % {"alias": alias, "wanted": known.identity}
            )
        return known.identity if known else uuid.uuid4()
    if known is not None and known.identity != found.identity:
        raise IdentityRefused(
            _(
                "Storage %(alias)s is another one: its marker says %(found)s, the database "
                "%(wanted)s. Configure the storage that was marked."
            )
            % {"alias": alias, "found": found.identity, "wanted": known.identity}
        )
    twin = StorageIdentity.objects.exclude(alias=alias).filter(identity=found.identity).first()
    if twin is not None:
        raise IdentityRefused(
            _("Storages %(alias)s and %(twin)s are the same place. Give each a folder of its own.")
            % {"alias": alias, "twin": twin.alias}
        )
    return found.identity


def _fill_identity(alias: str, identity: uuid.UUID) -> None:
    """Give the identity to entries that were recorded before the storage had one."""
    unmarked = AuditEntry.objects.filter(storage=alias, identity__isnull=True).order_by("pk")
    while keys := list(unmarked.values_list("pk", flat=True)[:FILL_BATCH]):
        AuditEntry.objects.filter(pk__in=keys).update(identity=identity)
