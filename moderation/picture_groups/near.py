"""Placeholder of the grouping by perceptual hashes."""

from __future__ import annotations

from collections.abc import Sequence


def group_hashes(hashes: Sequence[str]) -> list[list[int]]:
    """Return the indexes of the hashes in each group."""
    return [[index] for index in range(len(hashes))]
