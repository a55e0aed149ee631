"""Pictures on admin pages: always the thumbnail, always by the page that guards it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from posts.models import PostImage

THUMBNAILS_A_ROW = 3  # of the change list: the rest is on the post's page


class PostChangeList(ChangeList):
    """The change list with the first pictures of the posts on the page, in one query.

    They are fetched for the page, not by the queryset: actions work on that, for any number of
    posts.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Find the posts of this page; each gets its pictures as `first_pictures`."""
        super().get_results(request)
        first = PostImage.objects.order_by("pk")[:THUMBNAILS_A_ROW]
        self.result_list: list[Any] = list(self.result_list)
        prefetch_related_objects(
            self.result_list, Prefetch("post_images", queryset=first, to_attr="first_pictures")
        )


def picture_url(picture: PostImage) -> str:
    """Where the thumbnail is seen: a page that asks for the permission, and names no key."""
    return reverse("admin:moderation_picture", args=("posts.postimage", picture.pk, "thumbnail"))


def thumbnail(picture: PostImage) -> SafeString:
    """The picture's thumbnail as HTML."""
    return format_html(
        '<img class="post-thumbnail" loading="lazy" src="{}" alt="{}">',
        picture_url(picture),
        _("Picture %(key)s") % {"key": picture.pk},
    )


def thumbnails(pictures: Iterable[PostImage], *, total: int) -> SafeString:
    """The thumbnails of a post's first pictures, side by side, and the number of all."""
    shown = format_html_join(" ", "{}", ((thumbnail(picture),) for picture in pictures))
    return format_html('{} <span class="post-picture-total">{}</span>', shown, total)
