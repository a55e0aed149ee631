"""The change list of a table with millions of rows."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from moderation.admin.large_lists.dates import IndexedDates, LoadedDates


class LargeChangeList(ChangeList):
    """A change list for LargeListPaginator, with a fast date hierarchy and annotated pages."""

    model_admin: Any  # a LargeListMixin

    def get_filters(self, request: HttpRequest) -> Any:
        """Return the filters. Sets `period` to the condition of the date hierarchy."""
        filters: Any = super().get_filters(request)
        own = {k: v for k, v in filters[2].items() if k.startswith(f"{self.date_hierarchy}__")}
        self.period = build_q_object_from_lookup_parameters(own)
        return filters

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the field if its column is sortable, else None: other columns have no index."""
        return (
            super().get_ordering_field(field_name)
            if field_name in (self.sortable_by or ())
            else None
        )

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the chosen order followed by the key, which is all that the indexes cover."""
        return super().get_ordering(request, queryset.order_by())

    def get_results(self, request: HttpRequest) -> None:
        """Annotate the rows of the page."""
        super().get_results(request)
        rows = self._rows_of_page().annotate(**self.model_admin.page_annotations)
        self.result_list = rows.prefetch_related(*self.model_admin.page_prefetches)

    def _rows_of_page(self) -> QuerySet[Any]:
        """Return the rows of the page, by their keys if the paginator has read them.

        The filters, which may be slow, are then not applied again.
        """
        keys = self.paginator.keys_of_page
        if keys is None:
            keys = self.paginator.keys_if_few
        if keys is None:
            return self.result_list  # type: ignore[no-any-return]
        rows = self.root_queryset.filter(pk__in=keys).order_by(*self.queryset.query.order_by)
        return rows if rows.query.select_related else self.apply_select_related(rows)

    @property
    def dates(self) -> Self:
        """Return a copy of this list for the date hierarchy, which reads dates from `queryset`.

        If few rows match the filters, these are their dates, otherwise the dates of all rows: to
        find the years of many matching rows, the database would have to read all of them.
        """
        change_list = copy(self)
        keys = self.paginator.keys_if_few
        if keys is None:
            rows = self.root_queryset.filter(self.period)
            change_list.queryset = IndexedDates(rows, self.date_hierarchy)
        else:
            rows = self.model._base_manager.using(self.root_queryset.db)
            found = rows.filter(pk__any_of=set(keys))
            change_list.queryset = LoadedDates(found, self.date_hierarchy)
        return change_list
