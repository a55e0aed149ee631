"""The links in the rows of the change list of posts, which keep its filters, search and order."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import ChangeList
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from posts.admin.picture_filter import same_url, similar_url
from posts.admin.thumbnails import thumbnail
from posts.models import PostImage

# The attribute in which the posts of a page keep their change list.
CHANGE_LIST = "posts_change_list"


def add_change_list(change_list: ChangeList) -> None:
    """Store a change list in the posts of its page, so that their links can keep its filters."""
    for post in change_list.result_list:
        setattr(post, CHANGE_LIST, change_list)


def author_link(post: Any) -> SafeString:
    """Return the author's name as a link to all their posts in the list."""
    name = post.author.get_username()
    url = _change_list(post).get_query_string({"author": name})
    return format_html('<a href="{}">{}</a>', url, name)


def thumbnails(post: Any, site: AdminSite) -> SafeString:
    """Return the thumbnails of a post's first pictures with their links, and the number of all.

    Each thumbnail leads to the posts with the picture, and the link beside it to the posts with
    similar ones.
    """
    change_list = _change_list(post)
    pictures = format_html_join(
        " ",
        '<span class="post-picture">{}{}</span>',
        (
            (_same_link(change_list, each, site), _similar_link(change_list, each))
            for each in post.first_pictures
        ),
    )
    return format_html(
        '{} <span class="post-picture-total">{}</span>', pictures, post.picture_total
    )


def _same_link(change_list: ChangeList, picture: PostImage, site: AdminSite) -> SafeString:
    return format_html(
        '<a href="{}" title="{}">{}</a>',
        same_url(change_list, picture),
        _("Posts with this picture"),
        thumbnail(picture, site),
    )


def _similar_link(change_list: ChangeList, picture: PostImage) -> SafeString | str:
    """Return the link to the posts with similar pictures, or "" if the picture has no hash."""
    if not picture.perceptual_hash:
        return ""
    return format_html(
        '<a class="post-similar" href="{}" title="{}" aria-label="{}">≈</a>',
        similar_url(change_list, picture),
        _("Find similar pictures"),
        _("Find similar pictures (picture %(key)s)") % {"key": picture.pk},
    )


def _change_list(post: Any) -> ChangeList:
    change_list: ChangeList = getattr(post, CHANGE_LIST)
    return change_list
