"""All access to storages, behind one interface: `Adapter`.

These names are public. An adapter of a site imports them from here.
"""

from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    WAS_MISSING,
    Adapter,
    FileToErase,
    OnVersions,
    Outcome,
    Result,
    not_sent,
)
from moderation.storage.identity import (
    IdentityRefused,
    WrongStorage,
    opened_adapter,
    verify_identity,
    write_identity,
)
from moderation.storage.location import Location
from moderation.storage.one_by_one import OneByOneAdapter
from moderation.storage.pace import Pace, pause_after
from moderation.storage.resolve import adapter_for, register_adapter
from moderation.storage.transactions import refuse_inside_transaction

__all__ = [
    "IDENTITY_FILE",
    "IDENTITY_FILE_BYTES",
    "WAS_MISSING",
    "Adapter",
    "FileToErase",
    "IdentityRefused",
    "Location",
    "OnVersions",
    "OneByOneAdapter",
    "Outcome",
    "Pace",
    "Result",
    "WrongStorage",
    "adapter_for",
    "not_sent",
    "opened_adapter",
    "pause_after",
    "refuse_inside_transaction",
    "register_adapter",
    "verify_identity",
    "write_identity",
]
