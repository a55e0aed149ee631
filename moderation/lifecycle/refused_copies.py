"""Find the refused pictures that are nearly identical to others."""

from __future__ import annotations

from collections.abc import Iterable

from moderation.db.hash_chunks import with_similar_chunk
from moderation.images.perceptual import THRESHOLD, distance
from moderation.models import RefusedPicture

# The maximum number of hashes in one query, which has 266 values for each of them.
HASHES = 20


def nearly_identical(perceptual_hashes: Iterable[str]) -> list[RefusedPicture]:
    """Return the currently refused pictures that are nearly identical to one with such a hash.

    Pictures are nearly identical if their perceptual hashes differ in at most THRESHOLD bits. The
    most similar picture comes first.
    """
    wanted = {each: int(each, 16) for each in perceptual_hashes}
    distances = {
        each: min(distance(int(each.perceptual_hash, 16), number) for number in wanted.values())
        for each in _candidates(list(wanted))
    }
    similar = [each for each, bits in distances.items() if bits <= THRESHOLD]
    return sorted(similar, key=lambda each: (distances[each], each.pk))


def _candidates(hashes: list[str]) -> set[RefusedPicture]:
    active = RefusedPicture.objects.active().order_by()
    found: set[RefusedPicture] = set()
    for start in range(0, len(hashes), HASHES):
        some = hashes[start : start + HASHES]
        # Not `iterator()`: for a server-side cursor, PostgreSQL would scan the table instead of
        # using the indexes. There are few candidates: only the nearly identical pictures of one
        # group are refused together.
        found.update(with_similar_chunk(active, "perceptual_hash", some))
    return found
