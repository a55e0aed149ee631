"""The perceptual hash of a picture, by which nearly identical pictures are found."""

from __future__ import annotations

from importlib.util import find_spec

from PIL import Image

from moderation.images.decode import decode
from moderation.images.inspect import inspect

# Pixels a side to which a file is decoded at most, as for a thumbnail. The hash reads 64 x 64
# values of brightness: on real pictures, it is no better from the whole file.
SIDE = 320

# The quality, from 0 to 100, below which PDQ's authors advise against using a hash: smooth pictures
# such as gradients, and those with little contrast. Real advertisements have at least 72.
MIN_QUALITY = 50

# How often the brightness turns from rising to falling or back in some rows or columns. Halves have
# 0 turns, a border 1 and a disc 2, even after strong compression. All such pictures of one shape
# have the same hash, whatever their colours are. Real photographs have 5 and more, except for the
# edge of a silhouette; a line of text has 20.
MIN_TURNS = 5

# Rows and columns that must have these turns. Compression adds some to one or two.
TURNING_LINES = 4

# Bits, of 256, in which the hashes of similar pictures differ at most. Compressed and resized
# copies of 60 real advertisements differ from the original in up to 16, and the closest good
# photograph in 20. PDQ's authors start at 31, for a first search whose results are then compared
# more strictly.
THRESHOLD = 18

INSTALL = 'pip install "django-bulk-removal[groups]"'


def is_available() -> bool:
    """Return whether numpy is installed, which hashing and grouping need."""
    return find_spec("numpy") is not None


def hash_of_file(content: bytes) -> str:
    """Return the perceptual hash of a file, or "" if it is animated or has too little structure.

    Raises InvalidImage if it is not a picture within the limits.
    """
    structure = inspect(content)
    if structure.is_animated:
        return ""
    return perceptual_hash(decode(content, structure, SIDE)[0])


def perceptual_hash(picture: Image.Image) -> str:
    """Return the PDQ hash of a picture as 64 hexadecimal digits, or "" if it has no structure.

    Pictures of any size and shape are first scaled to 512x512 pixels. Transparent pixels count as
    white. Raises ModuleNotFoundError without numpy.
    """
    from moderation.images import pdq  # noqa: PLC0415 - numpy is optional, and takes 20 MB

    scaled = _on_white(picture).resize((pdq.SIDE, pdq.SIDE), Image.Resampling.BICUBIC)
    grid = pdq.brightness(scaled)
    if pdq.quality(grid) < MIN_QUALITY or pdq.turns(grid, lines=TURNING_LINES) < MIN_TURNS:
        return ""
    return pdq.hash_of(grid)


def distance(first: int, second: int) -> int:
    """Return the number of bits in which two hashes differ."""
    return (first ^ second).bit_count()


def _on_white(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB, on white if it has an alpha channel."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    background = Image.new("RGBA", picture.size, "white")
    background.alpha_composite(picture.convert("RGBA"))
    return background.convert("RGB")
