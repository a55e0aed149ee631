"""The error for a rejected picture, with the reasons as messages for users."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MESSAGES: dict[str, Promise] = {
    "empty": _("The file is empty."),
    "format": _("The file is not a JPEG, PNG, GIF or WebP picture."),
    "broken": _("The picture is broken or incomplete."),
    "bytes": _("The picture is larger than 20 MB."),
    "side": _("A side of the picture is longer than 32,768 pixels."),
    "pixels": _(
        "The picture has too many pixels. A JPEG may have up to 80 megapixels, a PNG or GIF up to "
        "50 (35 in true colour) and a WebP up to 13. Make it smaller or save it as a JPEG."
    ),
    "frames": _("The animation is too long or too large. Shorten it or make it smaller."),
    "parts": _("The file has too many parts. Save the picture again with another program."),
    "metadata": _("The file contains too much metadata. Save the picture without metadata."),
    "colour": _("The picture uses HDR colours. Save it in sRGB."),
    "refused": _("This picture is not allowed here."),
    "changed": _("The file changed while it was being read. Try again."),
}


class InvalidImage(Exception):
    """The file is not accepted as a picture; `code` is a key of MESSAGES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> Promise:
        """Return the reason in the user's language."""
        return MESSAGES[self.code]

    def __str__(self) -> str:
        return str(self.message)
