"""Untrusted pictures: parsed, measured, decoded at a reduced size, and converted to sRGB.

`inspect` comes first and decodes nothing; `decode` takes its result.
"""

from moderation.images import sheet
from moderation.images.decode import decode
from moderation.images.errors import InvalidImage
from moderation.images.inspect import inspect
from moderation.images.structure import Recipe, Structure

__all__ = ["InvalidImage", "Recipe", "Structure", "decode", "inspect", "sheet"]
