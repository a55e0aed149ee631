"""All access to storages, behind one interface: `Adapter`.

These names are public. An adapter of a site imports them from here.
"""

from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    LEASE_EXPIRED,
    LEASE_EXPIRED_MESSAGE,
    NEWER_STAYS,
    WAS_MISSING,
    Adapter,
    FileToErase,
    OnVersions,
    Outcome,
    Result,
    message_of,
    not_sent,
    refuse_identity_file,
    versions_to_delete,
)
from moderation.storage.identity import (
    IdentityRefused,
    WrongStorage,
    opened_adapter,
    verify_identity,
    write_identity,
)
from moderation.storage.lease import Lease, Moment
from moderation.storage.location import Location, with_trailing_slash
from moderation.storage.one_by_one import OneByOneAdapter
from moderation.storage.pace import Pace, is_throttled, pause_after
from moderation.storage.resolve import adapter_for, register_adapter
from moderation.storage.spelling import PLAIN_NAME, odd_prefixes, odd_spellings
from moderation.storage.transactions import refuse_inside_transaction

__all__ = [
    "IDENTITY_FILE",
    "IDENTITY_FILE_BYTES",
    "LEASE_EXPIRED",
    "LEASE_EXPIRED_MESSAGE",
    "NEWER_STAYS",
    "PLAIN_NAME",
    "WAS_MISSING",
    "Adapter",
    "FileToErase",
    "IdentityRefused",
    "Lease",
    "Location",
    "Moment",
    "OnVersions",
    "OneByOneAdapter",
    "Outcome",
    "Pace",
    "Result",
    "WrongStorage",
    "adapter_for",
    "is_throttled",
    "message_of",
    "not_sent",
    "odd_prefixes",
    "odd_spellings",
    "opened_adapter",
    "pause_after",
    "refuse_identity_file",
    "refuse_inside_transaction",
    "register_adapter",
    "verify_identity",
    "versions_to_delete",
    "with_trailing_slash",
    "write_identity",
]
