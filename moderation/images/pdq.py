"""PDQ, the perceptual hash of Meta's ThreatExchange, computed with numpy.

The results agree with those of Meta's own implementation, so a hash can be looked up in lists that
other sites share. numpy is optional: only `moderation.images.perceptual` imports this module.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Matrix = NDArray[np.float64]

# All these values are PDQ's own.
SIDE = 512  # pixels of the picture that is hashed
GRID = 64  # values of brightness to which a side is reduced
FREQUENCIES = 16  # of each direction; the constant one is left out
BOX = (-1, 2)  # the first and the last pixel, relative to a pixel, that a blur averages
BLURS = 2
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
PERCENT = 100 / 255  # a difference of brightness in per cent, of which fractions do not count
QUALITY_DIVISOR = 90
MAX_QUALITY = 100


def brightness(picture: Image.Image) -> Matrix:
    """Return the brightness of an RGB picture of 512x512 pixels, blurred and reduced to 64x64."""
    return _reduce(_reduce(np.asarray(picture) @ np.array(LUMA)).T).T


def _reduce(values: Matrix) -> Matrix:
    """Blur 512 rows twice and take every eighth of them.

    Sums are faster here than a product of matrices, which numpy spreads over threads.
    """
    rows = np.arange(SIDE)
    first, stop = np.maximum(rows + BOX[0], 0), np.minimum(rows + BOX[1] + 1, SIDE)
    for _ in range(BLURS):
        totals = np.vstack([np.zeros(values.shape[1]), values.cumsum(axis=0)])
        values = (totals[stop] - totals[first]) / (stop - first)[:, np.newaxis]
    step = SIDE // GRID
    return values[step // 2 :: step]


def quality(grid: Matrix) -> int:
    """Return PDQ's quality: 0 to 100, by how much the brightness changes from point to point."""
    total = sum(int(abs(changes).sum()) for changes in _changes(grid))
    return min(total // QUALITY_DIVISOR, MAX_QUALITY)


def turns(grid: Matrix, *, lines: int) -> int:
    """Return how often the brightness turns from rising to falling or back, along rows and columns.

    At least `lines` rows and columns, counted together, have that many turns. Not a part of PDQ.
    """
    down, right = _changes(grid)
    numbers = sorted(_turns(line) for line in [*down.T, *right])
    return numbers[-lines]


def hash_of(grid: Matrix) -> str:
    """Return the hash as 64 hexadecimal digits: a bit for each frequency above the median."""
    cosines = _cosines()
    frequencies = (cosines @ grid @ cosines.T).ravel()
    median = np.sort(frequencies)[(len(frequencies) - 1) // 2]
    return np.packbits((frequencies > median)[::-1]).tobytes().hex()


def _turns(changes: NDArray[np.int_]) -> int:
    return int(np.count_nonzero(np.diff(np.sign(changes[changes != 0]))))


def _changes(grid: Matrix) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the differences between neighbours, in whole per cent, downwards and to the right."""
    down, right = (np.diff(grid, axis=axis) * PERCENT for axis in (0, 1))
    return down.astype(int), right.astype(int)


@cache
def _cosines() -> Matrix:
    """Return the matrix of the discrete cosine transform of 64 values to frequencies 1 to 16."""
    frequencies = np.arange(1, FREQUENCIES + 1)[:, np.newaxis]
    points = 2 * np.arange(GRID) + 1
    cosines: Matrix = np.sqrt(2 / GRID) * np.cos(np.pi / (2 * GRID) * frequencies * points)
    return cosines
