"""Pictures on admin pages: always the thumbnail, always by the page that guards it."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from posts.models import PostImage


def picture_url(picture: PostImage) -> str:
    """Where the thumbnail is seen: a page that asks for the permission, and names no key."""
    return reverse("admin:moderation_picture", args=("posts.postimage", picture.pk, "thumbnail"))


def thumbnail(picture: PostImage) -> SafeString:
    """The picture's thumbnail as HTML."""
    named = _("Animated picture %(key)s") if picture.is_animated else _("Picture %(key)s")
    return format_html(
        '<img class="post-thumbnail" loading="lazy" src="{}" alt="{}">',
        picture_url(picture),
        named % {"key": picture.pk},
    )


def thumbnails(pictures: Iterable[PostImage], *, total: int) -> SafeString:
    """The thumbnails of a post's first pictures, side by side, and the number of all."""
    shown = format_html_join(" ", "{}", ((thumbnail(picture),) for picture in pictures))
    return format_html('{} <span class="post-picture-total">{}</span>', shown, total)
