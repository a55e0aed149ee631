"""Parse and measure untrusted pictures, decode them at a reduced size, and convert them to sRGB.

Call `inspect` first, which decodes nothing, then pass its result to `decode`.
"""

from moderation.images import sheet
from moderation.images.decode import decode
from moderation.images.errors import InvalidImage
from moderation.images.inspect import inspect
from moderation.images.structure import SplicedFile, Structure

__all__ = ["InvalidImage", "SplicedFile", "Structure", "decode", "inspect", "sheet"]
