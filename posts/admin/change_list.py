"""The change list of a million posts: its pages, its pictures and its dates."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils.functional import cached_property

from moderation.admin.pagination import CappedChangeList, CappedPaginator
from posts.admin.numbers import NumberOf, keys_in_order, turned_round
from posts.dates import AllMoments, Moments
from posts.models import PostImage, Report

THUMBNAILS_A_ROW = 3  # the rest is on the post's page


class PostPaginator(CappedPaginator):
    """Counts all posts, which the database does along an index, and filtered ones up to a cap."""

    @cached_property
    def is_whole(self) -> bool:
        """Return whether no filter applies."""
        return not self.rows.query.where

    @cached_property
    def count(self) -> int:
        """Return the number of posts, or the cap where a filter leaves more."""
        return int(self.rows.order_by().count()) if self.is_whole else super().count

    @cached_property
    def is_capped(self) -> bool:
        """Return whether there are more posts than were counted."""
        return not self.is_whole and super().is_capped

    def keys(self, bottom: int, top: int) -> list[Any]:
        """Return the keys of a page, read from the nearer end: an OFFSET reads what it skips."""
        if self.few is not None:
            return super().keys(bottom, top)
        order = self.rows.query.order_by
        if self.is_whole and bottom > self.count - top:
            order, bottom, top = turned_round(order), self.count - top, self.count - bottom
        return keys_in_order(self.rows, order, bottom, top)


class PostChangeList(CappedChangeList):
    """The change list with the numbers and the first pictures of the posts on the page.

    They are fetched for the page, not by the queryset: actions work on that, for any number of
    posts.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        """Read the filters, and keep what the date hierarchy makes of its own parameters."""
        filters: Any = super().get_filters(request)
        own = {k: v for k, v in filters[2].items() if k.startswith(f"{self.date_hierarchy}__")}
        self.period = build_q_object_from_lookup_parameters(own)
        return filters

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Order by what was chosen, and by key where that is equal: an index has no more."""
        return super().get_ordering(request, queryset.order_by())

    def get_results(self, request: HttpRequest) -> None:
        """Find the posts of this page; each gets its numbers, and pictures as `first_pictures`."""
        super().get_results(request)
        numbers = {"report_total": NumberOf(Report), "picture_total": NumberOf(PostImage)}
        found: Any = self.result_list
        self.result_list: list[Any] = list(found.annotate(**numbers))
        first = PostImage.objects.order_by("pk")[:THUMBNAILS_A_ROW]
        prefetch_related_objects(
            self.result_list, Prefetch("post_images", queryset=first, to_attr="first_pictures")
        )

    @property
    def dates(self) -> Self:
        """This list as the date hierarchy reads it, which asks for the dates of its queryset.

        Those of the posts found where these are few. Else those of all posts: the years of what a
        filter lets through would be found by reading all of it.
        """
        seen = copy(self)
        few = self.paginator.few
        if few is None:
            posts: Any = self.root_queryset.filter(self.period)
            seen.queryset = AllMoments(posts, self.date_hierarchy)
        else:
            found = self.model._base_manager.filter(pk__in=few)
            seen.queryset = Moments(found.values_list(self.date_hierarchy, flat=True))
        return seen
