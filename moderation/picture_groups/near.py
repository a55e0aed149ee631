"""Group nearly identical pictures by their perceptual hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from moderation.images.perceptual import is_available


def group_hashes(hashes: Sequence[str]) -> list[list[int]]:
    """Return the indexes of the hashes in each group; each index is in exactly one group.

    A hash has 64 hexadecimal digits, or is "", which is always alone. Any two hashes of a group
    differ in at most 18 of their 256 bits. Which are grouped does not depend on the order of the
    hashes. Without numpy, each hash is alone.
    """
    can_compare = is_available()
    alone, indexes = [], defaultdict(list)
    for index, perceptual_hash in enumerate(hashes):
        if perceptual_hash and can_compare:
            indexes[perceptual_hash].append(index)
        else:
            alone.append([index])
    return sorted([*alone, *_groups(indexes)])


def _groups(indexes: dict[str, list[int]]) -> list[list[int]]:
    """Return the indexes in each group of similar hashes."""
    if not indexes:
        return []
    from moderation.picture_groups.linkage import linked_hashes  # noqa: PLC0415 - needs numpy

    return [
        sorted(index for perceptual_hash in group for index in indexes[perceptual_hash])
        for group in linked_hashes(indexes)
    ]
