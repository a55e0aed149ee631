"""The change list of posts, for tables with millions of rows."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.contrib.auth import get_user_model
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils.functional import cached_property

from moderation.admin.pagination import CappedChangeList, CappedPaginator
from posts.admin.filters import AuthorFilter
from posts.admin.numbers import NumberOf, keys_in_order, reversed_order
from posts.dates import AllMoments, Moments
from posts.models import PostImage, Report

THUMBNAILS_A_ROW = 3  # the others are on the post's page


class PostPaginator(CappedPaginator):
    """A paginator that counts all posts along an index, and filtered posts up to a cap."""

    @cached_property
    def is_unfiltered(self) -> bool:
        """Return whether no filter applies."""
        return not self.rows.query.where

    @cached_property
    def count(self) -> int:
        """Return the number of posts, or the cap if more posts match a filter."""
        return int(self.rows.order_by().count()) if self.is_unfiltered else super().count

    @cached_property
    def is_capped(self) -> bool:
        """Return whether more posts match a filter than the cap."""
        return not self.is_unfiltered and super().is_capped

    def keys(self, bottom: int, top: int) -> list[Any]:
        """Return the keys of a page, read from the nearer end: the database reads skipped rows."""
        if self.few is not None:
            return super().keys(bottom, top)
        order = self.rows.query.order_by
        if self.is_unfiltered and bottom > self.count - top:
            order, bottom, top = reversed_order(order), self.count - top, self.count - bottom
        return keys_in_order(self.rows, order, bottom, top)


class PostChangeList(CappedChangeList):
    """A change list with the numbers of reports and pictures, and the first pictures.

    They are fetched for one page and not by the queryset, because actions use the queryset for any
    number of posts.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        """Return the filters. Sets `period` to the condition of the date hierarchy."""
        filters: Any = super().get_filters(request)
        own = {k: v for k, v in filters[2].items() if k.startswith(f"{self.date_hierarchy}__")}
        self.period = build_q_object_from_lookup_parameters(own)
        return filters

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the chosen order followed by the key. The indexes have no further columns."""
        return super().get_ordering(request, queryset.order_by())

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the posts of the page with `report_total`, `picture_total` and `first_pictures`."""
        super().get_results(request)
        numbers = {"report_total": NumberOf(Report), "picture_total": NumberOf(PostImage)}
        posts: Any = self.result_list
        self.result_list: list[Any] = list(posts.annotate(**numbers))
        first = PostImage.objects.order_by("pk")[:THUMBNAILS_A_ROW]
        prefetch_related_objects(
            self.result_list, Prefetch("post_images", queryset=first, to_attr="first_pictures")
        )

    @cached_property
    def unknown_author(self) -> str:
        """Return the user name in the author filter if no user has it, otherwise ""."""
        name = self.params.get(AuthorFilter.parameter_name, "").strip()
        users = get_user_model()._default_manager.filter(username__iexact=name)
        return "" if not name or users.exists() else name

    @property
    def dates(self) -> Self:
        """Return a copy of this list for the date hierarchy, which reads dates from `queryset`.

        If few posts match, these are their dates, otherwise the dates of all posts: to find the
        years of the posts that match a filter, the database would read all of these posts.
        """
        change_list = copy(self)
        few = self.paginator.few
        if few is None:
            posts: Any = self.root_queryset.filter(self.period)
            change_list.queryset = AllMoments(posts, self.date_hierarchy)
        else:
            found = self.model._base_manager.filter(pk__in=few)
            change_list.queryset = Moments(found.values_list(self.date_hierarchy, flat=True))
        return change_list
