"""What changed in the pictures and other files of a draft's objects since the preview."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from moderation.cascade.batches import model_of
from moderation.cascade.preview import FINGERPRINT_LENGTH
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, FrozenKeys, Removal
from moderation.removals.seal import BATCHES_PER_CHUNK


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


def files_of_deleted_objects(removal: Removal) -> int:
    """Return how many pictures and other files of the preview belong to objects that are deleted.

    The caller must have checked `has_exact_keys` first. Runs one query if all objects exist, or
    else one more for each batch.
    """
    model = model_of(removal)
    existing = all_rows(model, AuditEntry.objects.db).order_by()
    if existing.filter(pk__in=FrozenKeys(removal, model)).count() == removal.objects_total:
        return 0
    files = 0
    batches = removal.batches.values_list("fingerprints", flat=True)
    for fingerprints in batches.iterator(BATCHES_PER_CHUNK):
        found = existing.filter(pk__any_of=set(fingerprints)).values_list("pk", flat=True)
        keys = set(map(str, found))
        files += sum(len(own) for key, own in fingerprints.items() if key not in keys)
    return files // FINGERPRINT_LENGTH


def _split(fingerprints: str) -> list[str]:
    starts = range(0, len(fingerprints), FINGERPRINT_LENGTH)
    return [fingerprints[start : start + FINGERPRINT_LENGTH] for start in starts]
