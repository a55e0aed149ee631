"""All access to storages, behind one interface (`moderation.storage.base`)."""

from moderation.storage.base import Adapter, FileToErase, Outcome, Result
from moderation.storage.identity import (
    IdentityRefused,
    WrongStorage,
    verify_identity,
    write_identity,
)
from moderation.storage.resolve import adapter_for

__all__ = [
    "Adapter",
    "FileToErase",
    "IdentityRefused",
    "Outcome",
    "Result",
    "WrongStorage",
    "adapter_for",
    "verify_identity",
    "write_identity",
]
