"""Posts by the author of a post, and posts with its pictures: links, and drafts in one click.

A draft is created in the same way as by the action of the change list, with the same limits and
permissions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from moderation.admin.action import create_draft
from moderation.admin.change_list_query import with_preserved_filters
from moderation.admin.missing_object import back_to_list
from posts.admin.filters import WITHIN
from posts.admin.picture_filter import SAME, SIMILAR, list_url
from posts.admin.thumbnails import thumbnail
from posts.models import Post, PostImage

MOST_COUNTED = 10_000  # counting up to here takes milliseconds
MOST_SHOWN = 10  # distinct pictures of a post
# Values of the buttons named `posts`. Any other value is the SHA-256 of a picture of the post.
BY_AUTHOR, ANY_PICTURE = "author", "pictures"


@dataclass(frozen=True, slots=True)
class RelatedPicture:
    """A picture of a post, with links to other posts. `similar_url` is "" without a hash.

    `number` is its position on the page, and `posts` the number of posts with the same file, or
    None if there are too many to count.
    """

    number: int
    sha256: str
    thumbnail: SafeString
    same_url: str
    similar_url: str
    posts: int | None


@dataclass(frozen=True, slots=True)
class RelatedPosts:
    """What the page of a post says about other posts. Numbers are None if above MOST_COUNTED.

    `url` is that of the buttons, or "" if the user may not remove the post.
    """

    url: str
    author: str
    author_url: str
    week_url: str
    posts_of_author: int | None
    pictures: list[RelatedPicture]
    posts_with_pictures: int | None


def related_posts(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, post: Post
) -> RelatedPosts:
    """Return the links and numbers for the page of a post. Runs at most four queries."""
    site, name = model_admin.admin_site, post.author.get_username()
    posts = model_admin.get_queryset(request)
    pictures = _distinct(post.post_images.order_by("pk"))
    counted = _posts_by_picture(posts, {each.sha256 for each in pictures})
    return RelatedPosts(
        url=_button_url(model_admin, request, post),
        author=name,
        author_url=list_url(site, author=name),
        week_url=list_url(site, author=name, **{WITHIN: "week"}),
        posts_of_author=_counted(posts.filter(author=post.author_id)),
        pictures=[
            _related(number, each, site, None if counted is None else counted[each.sha256])
            for number, each in enumerate(pictures, start=1)
        ],
        posts_with_pictures=None if counted is None else counted[ANY_PICTURE],
    )


def remove_related(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Create a draft of the posts that a button names, and redirect to it.

    On GET, or if no draft is created, redirects to the page of the post. If the ModelAdmin does not
    show the post, redirects to the list on POST, and raises Http404 otherwise. Raises
    PermissionDenied if the user may not remove the post.
    """
    key = unquote(object_id)
    post = None if "\0" in key else model_admin.get_object(request, key)
    if post is None:
        return back_to_list(model_admin, request)
    if not model_admin.has_delete_permission(request, post):
        raise PermissionDenied
    if request.method == "POST":
        posts = model_admin.get_queryset(request)
        chosen = _chosen(posts, post, request.POST.get("posts", ""))
        if chosen is None:
            messages.error(request, _("The post no longer has this picture. Nothing was selected."))
        elif response := create_draft(model_admin, request, chosen):
            return response
    url = reverse(
        "admin:posts_post_change", args=[quote(post.pk)], current_app=model_admin.admin_site.name
    )
    return redirect(with_preserved_filters(model_admin, request, url))


def _chosen(posts: QuerySet[Post], post: Post, value: str) -> QuerySet[Post] | None:
    """Return the posts that a button names, or None if the post has no such picture."""
    if value == BY_AUTHOR:
        return posts.filter(author=post.author_id)
    shown = {each.sha256 for each in _distinct(post.post_images.order_by("pk"))}
    wanted = shown if value == ANY_PICTURE else shown & {value}
    if not wanted:
        return None
    return posts.filter(pk__in=PostImage.objects.filter(sha256__any_of=wanted).values("post"))


def _button_url(model_admin: admin.ModelAdmin[Any], request: HttpRequest, post: Post) -> str:
    if not model_admin.has_delete_permission(request, post):
        return ""
    url = reverse(
        "admin:posts_post_remove", args=[quote(post.pk)], current_app=model_admin.admin_site.name
    )
    return with_preserved_filters(model_admin, request, url)


def _distinct(pictures: Iterable[PostImage]) -> list[PostImage]:
    """Return one picture for each distinct file, at most MOST_SHOWN."""
    found: dict[str, PostImage] = {}
    for each in pictures:
        found.setdefault(each.sha256, each)
    return list(found.values())[:MOST_SHOWN]


def _related(
    number: int, picture: PostImage, site: admin.AdminSite, posts: int | None
) -> RelatedPicture:
    similar = picture.perceptual_hash
    return RelatedPicture(
        number=number,
        sha256=picture.sha256,
        thumbnail=thumbnail(picture, site),
        same_url=list_url(site, **{SAME: picture.sha256}),
        similar_url=list_url(site, **{SIMILAR: similar}) if similar else "",
        posts=posts,
    )


def _posts_by_picture(posts: QuerySet[Post], sha256s: set[str]) -> Counter[str] | None:
    """Return the number of posts with each picture, and with ANY_PICTURE; None if too many."""
    if not sha256s:
        return Counter()
    pairs = posts.filter(post_images__sha256__any_of=sha256s).order_by()
    found = list(pairs.values_list("post_images__sha256", "pk")[: MOST_COUNTED + 1])
    if len(found) > MOST_COUNTED:
        return None
    numbers = Counter(sha256 for sha256, _key in set(found))
    numbers[ANY_PICTURE] = len({key for _sha256, key in found})
    return numbers


def _counted(posts: QuerySet[Post]) -> int | None:
    number = posts.order_by()[: MOST_COUNTED + 1].count()
    return number if number <= MOST_COUNTED else None
