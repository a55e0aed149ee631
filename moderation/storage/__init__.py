"""Everything that touches storage, behind one interface (`moderation.storage.adapter`)."""

from moderation.storage.adapter import Adapter, Doomed, Fate, Outcome
from moderation.storage.choice import adapter_for
from moderation.storage.mark import MarkRefused, WrongStorage, prove, write_mark

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
