"""The pictures that a form showed, which it sends back signed.

So exactly these are refused, even if others were added to a group or if all rows with them were
removed while the form was open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest

from moderation.lifecycle.refused_pictures import refusable

SIGNED_FIELD = "signed"
MAX_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ShownPictures:
    """Pictures as {SHA-256: perceptual hash}, and the text with which the form sends them back."""

    pictures: dict[str, str | None]
    signed: str

    @property
    def hidden(self) -> dict[str, str]:
        """Return the hidden field of the form."""
        return {SIGNED_FIELD: self.signed}


def sign(request: HttpRequest, name: str, pictures: Mapping[str, str | None]) -> ShownPictures:
    """Sign those of the pictures that would be refused.

    Only this user can send them, and only to the page with this name. Without a signature, a
    form could refuse pictures that its user has never seen.
    """
    chosen = refusable(pictures)
    return ShownPictures(chosen, signing.dumps([str(request.user.pk), name, chosen], salt=__name__))


def posted_pictures(request: HttpRequest, name: str) -> ShownPictures | None:
    """Return what `sign` returned when the form was shown, or None if it was not sent.

    The caller must check that the user may still view the pictures.
    """
    text = request.POST.get(SIGNED_FIELD, "")
    try:
        user, signed_name, pictures = signing.loads(text, salt=__name__, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    if (user, signed_name) != (str(request.user.pk), name):
        return None
    return ShownPictures(pictures, text)
