"""The URL parameters with which the change list of a ModelAdmin filters by picture."""

from __future__ import annotations

from typing import NamedTuple


class PictureParameters(NamedTuple):
    """The parameters in the URL of a change list that filter by picture; "" for none.

    One takes the SHA-256 of a file, the other a perceptual hash. A ModelAdmin declares them as
    `picture_parameters`, so that the page of a draft can link to the list.
    """

    sha256: str = ""
    perceptual_hash: str = ""
