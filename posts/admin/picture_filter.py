"""The filter by picture of the change list of posts, and the links to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from moderation.admin.change_list_query import with_preserved_filters
from moderation.picture_groups.similar import similar_hashes
from moderation.registry.content import picture_sources_of
from posts.admin.thumbnails import thumbnail
from posts.models import Post, PostImage

# The parameters: the SHA-256 of a picture, and the perceptual hash of one.
NAMES = SAME, SIMILAR = "picture", "like"
HASH = re.compile(r"[0-9a-f]{64}")  # both have 64 hexadecimal digits


def same_url(change_list: ChangeList, picture: PostImage) -> str:
    """Return the URL of the posts of a change list that have this picture."""
    return str(change_list.get_query_string({SAME: picture.sha256, SIMILAR: None}))


def similar_url(change_list: ChangeList, picture: PostImage) -> str:
    """Return the URL of the posts of a change list with pictures like one that has a hash."""
    return str(change_list.get_query_string({SAME: None, SIMILAR: picture.perceptual_hash}))


def list_url(site: admin.AdminSite, **parameters: str) -> str:
    """Return the URL of the change list with these parameters."""
    url = reverse("admin:posts_post_changelist", current_app=site.name)
    return f"{url}?{urlencode(parameters)}"


@dataclass(frozen=True)
class Condition:
    """One of the two conditions about pictures: the parameter and its value, and the texts.

    The example is a picture of one of `posts`, which are those that the user may see.
    """

    parameter: str
    value: str
    posts: QuerySet[Post]
    heading: str | Promise
    malformed: str | Promise
    unknown: str | Promise

    @property
    def is_valid(self) -> bool:
        """Return whether the value can be that of a picture."""
        return bool(HASH.fullmatch(self.value))

    @cached_property
    def pictures(self) -> QuerySet[PostImage]:
        """Return the pictures that the condition describes."""
        if not self.is_valid:
            return PostImage.objects.none()
        if self.parameter == SAME:
            return PostImage.objects.filter(sha256=self.value).order_by()
        (source,) = picture_sources_of(Post)
        hashes = similar_hashes(source, [self.value])
        return PostImage.objects.filter(perceptual_hash__any_of=hashes).order_by()

    @cached_property
    def example(self) -> PostImage | None:
        """Return one of the pictures to show as an example, or None if the user may see none."""
        exact = {"sha256" if self.parameter == SAME else "perceptual_hash": self.value}
        # Not `first()`, which orders by key: a database may then scan the whole index of keys.
        visible = Exists(self.posts.filter(pk=OuterRef("post")))
        same = PostImage.objects.filter(visible, **exact).order_by()
        found = [*same[:1]] if self.is_valid else []
        return next(iter(found or self.pictures.filter(visible)[:1]), None)

    @property
    def problem(self) -> str:
        """Return why the condition finds nothing, or ""."""
        if not self.is_valid:
            return str(self.malformed) % {"value": self.value[:80]}
        return "" if self.example else str(self.unknown)


def _same(value: str, posts: QuerySet[Post]) -> Condition:
    return Condition(
        SAME,
        value,
        posts,
        heading=_("Posts with this picture"),
        malformed=_("“%(value)s” is not a SHA-256: it must be 64 hexadecimal digits."),
        unknown=_("No post has this picture."),
    )


def _similar(value: str, posts: QuerySet[Post]) -> Condition:
    return Condition(
        SIMILAR,
        value,
        posts,
        heading=_("Posts with pictures like this one"),
        malformed=_("“%(value)s” is not a perceptual hash: it must be 64 hexadecimal digits."),
        unknown=_("No post has a picture like this one."),
    )


class PictureFilter(admin.ListFilter):
    """A filter for the posts with a certain picture, or with pictures similar to one.

    Its values come from links. The sidebar shows the active conditions, each with a link that
    removes it, and a link to the page that asks for an example.
    """

    title = _("picture")
    template = "admin/posts/post/picture_filter.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.site = model_admin.admin_site
        find_url = reverse("admin:posts_post_find", current_app=self.site.name)
        self.find_url = with_preserved_filters(model_admin, request, find_url)
        values = {name: params.pop(name, [""])[-1] for name in NAMES}
        self.conditions = list(_conditions(values, model_admin.get_queryset(request)))

    def has_output(self) -> bool:
        """Return True: the link to the page that asks for an example is always displayed."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Return the names of both parameters."""
        return [*NAMES]

    def value(self) -> str:
        """Return the headings of the active conditions."""
        return " – ".join(str(each.heading) for each in self.conditions)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts that have a picture for each condition."""
        for each in self.conditions:
            queryset = queryset.filter(pk__in=each.pictures.values("post"))
        return queryset

    @property
    def problem(self) -> str:
        """Return why the filter finds nothing, or ""."""
        return " ".join(each.problem for each in self.conditions if each.problem)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the active conditions."""
        for each in self.conditions:
            yield {
                "selected": True,
                "display": each.heading,
                "thumbnail": self._thumbnail(each),
                # Not `remove`, which would also remove the parameters that begin with this name.
                "query_string_without": changelist.get_query_string({each.parameter: None}),
                "similar_url": _similar_url(changelist, each),
            }

    def _thumbnail(self, condition: Condition) -> SafeString | None:
        return thumbnail(condition.example, self.site) if condition.example else None


def _similar_url(changelist: ChangeList, condition: Condition) -> str:
    """Return the URL of the list by similar pictures instead, or "" if the picture has no hash."""
    example = condition.example if condition.parameter == SAME else None
    if example is None or not example.perceptual_hash:
        return ""
    return similar_url(changelist, example)


def _conditions(values: dict[str, str], posts: QuerySet[Post]) -> Iterator[Condition]:
    """Yield the conditions of the parameters that have a value."""
    for name, condition in ((SAME, _same), (SIMILAR, _similar)):
        if value := values[name].strip().lower():
            yield condition(value, posts)


def list_title(request: HttpRequest) -> str:
    """Return the title of the change list for a filter by picture in the URL, or ""."""
    values = {name: request.GET.get(name, "") for name in NAMES}
    conditions = _conditions(values, Post.objects.none())  # no example is displayed
    valid = [each for each in conditions if each.is_valid]
    return str(valid[0].heading) if len(valid) == 1 else ""
