"""Everything that touches storage, behind one interface (`moderation.storage.base`)."""

from moderation.storage.base import Adapter, Doomed, Fate, Outcome
from moderation.storage.identity import MarkRefused, WrongStorage, prove, write_mark
from moderation.storage.resolve import adapter_for

__all__ = [
    "Adapter",
    "Doomed",
    "Fate",
    "MarkRefused",
    "Outcome",
    "WrongStorage",
    "adapter_for",
    "prove",
    "write_mark",
]
