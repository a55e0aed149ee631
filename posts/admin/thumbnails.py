"""Thumbnails on admin pages, always with the URL that checks permissions."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from posts.models import PostImage


def picture_url(picture: PostImage, site: AdminSite) -> str:
    """Return the URL of a thumbnail. It checks permissions and does not contain a storage key."""
    args = ("posts.postimage", picture.pk, "thumbnail")
    return reverse("admin:moderation_picture", args=args, current_app=site.name)


def thumbnail(picture: PostImage, site: AdminSite) -> SafeString:
    """Return the picture's thumbnail as HTML."""
    alt = _("Animated picture %(key)s") if picture.is_animated else _("Picture %(key)s")
    # The size in the stylesheet. It reserves the space before the picture loads, so that rows do
    # not move under the pointer of a user who is about to click.
    return format_html(
        '<img class="post-thumbnail" loading="lazy" width="48" height="36" src="{}" alt="{}">',
        picture_url(picture, site),
        alt % {"key": picture.pk},
    )
