"""What changed in the pictures and other files of an object since the preview."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from moderation.cascade.preview import FINGERPRINT_LENGTH


@dataclass(frozen=True, slots=True)
class FileChange:
    """The numbers of files that were added, removed, or replaced by another one.

    All are 0 if only something else differs: a thumbnail, the storage of a file, or the key of the
    row that has it.
    """

    added: int = 0
    removed: int = 0
    replaced: int = 0


def file_change(before: str, after: str) -> FileChange:
    """Return what changed between the fingerprints of one object; see `Preview.fingerprints`.

    A file that was removed while another one was added counts as replaced.
    """
    old, new = Counter(_split(before)), Counter(_split(after))
    removed, added = (old - new).total(), (new - old).total()
    replaced = min(removed, added)
    return FileChange(added - replaced, removed - replaced, replaced)


def _split(fingerprints: str) -> list[str]:
    starts = range(0, len(fingerprints), FINGERPRINT_LENGTH)
    return [fingerprints[start : start + FINGERPRINT_LENGTH] for start in starts]
