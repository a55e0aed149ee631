"""Complete linkage of hashes: any two hashes of a group are similar, not only neighbours.

numpy is optional: only `moderation.picture_groups.near` imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from moderation.images.perceptual import THRESHOLD

# Four columns of 64 bits, one for each hash; and distances in bits, at most FAR.
Words = NDArray[np.uint64]
Distances = NDArray[np.uint8]

# Stands for the distances 255 and 256, so that a byte can hold each distance.
FAR = 255

# Pairs of hashes that are compared at a time: some 5 MB of memory.
COMPARED_PAIRS = 500_000

# Hashes that are linked together, which takes a byte for each pair: 9 MB. If more are connected,
# they are linked in parts of this size.
LINKED_TOGETHER = 3_000


def linked_hashes(hashes: Iterable[str]) -> Iterator[list[str]]:
    """Yield the groups of different hashes. The order of the hashes has no influence."""
    ordered = sorted(hashes)
    rows = np.frombuffer(bytes.fromhex("".join(ordered)), np.uint64).reshape(len(ordered), -1)
    words = np.ascontiguousarray(rows.T)
    for connected in _connected(words):
        for start in range(0, len(connected), LINKED_TOGETHER):
            part = connected[start : start + LINKED_TOGETHER]
            for group in _link(words[:, part]):
                yield [ordered[part[position]] for position in group]


def _connected(words: Words) -> Iterator[list[int]]:
    """Yield the positions of hashes that are connected by pairs of similar ones."""
    number = words.shape[1]
    labels = np.arange(number)  # the smallest position among the connected hashes
    for start, distances in _distances(words, words):
        similar = distances <= THRESHOLD
        np.fill_diagonal(similar[:, start:], val=False)
        for row in np.flatnonzero(similar.any(axis=1)):
            found = np.append(labels[similar[row]], labels[start + row])
            if (found != found[0]).any():
                labels[np.isin(labels, found)] = found.min()
    order = np.argsort(labels, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        yield part.tolist()


def _link(words: Words) -> list[list[int]]:
    """Return the positions in each group: join the two closest groups as long as they are similar.

    The distance of two groups is that of their most different hashes.
    """
    number = words.shape[1]
    if number == 1:
        return [[0]]  # as most hashes are
    groups = {position: [position] for position in range(number)}
    distances = np.concatenate([each for _start, each in _distances(words, words)])
    np.fill_diagonal(distances, FAR)
    closest = distances.min(axis=1)  # or less, because distances grow when groups are joined
    while (smallest := closest[first := int(closest.argmin())]) <= THRESHOLD:
        second = int(distances[first].argmin())
        if distances[first, second] > smallest:
            closest[first] = distances[first, second]
            continue
        groups[first] += groups.pop(second)
        joined = np.maximum(distances[first], distances[second])
        joined[first] = FAR
        distances[first] = distances[:, first] = joined
        distances[second] = distances[:, second] = FAR
        closest[second] = FAR
    return list(groups.values())


def _distances(rows: Words, columns: Words) -> Iterator[tuple[int, Distances]]:
    """Yield the numbers of different bits for some rows at a time, with the first row's number."""
    step = max(1, COMPARED_PAIRS // columns.shape[1])
    for start in range(0, rows.shape[1], step):
        total = np.zeros((len(rows[0, start : start + step]), columns.shape[1]), np.uint16)
        for row, column in zip(rows[:, start : start + step], columns, strict=True):
            total += np.bitwise_count(row[:, np.newaxis] ^ column)
        yield start, np.minimum(total, FAR).astype(np.uint8)
