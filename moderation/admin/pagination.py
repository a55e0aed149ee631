"""Pagination of tables that are too large to count."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

# The most rows that a change list counts. Counting them takes milliseconds, and few users go
# through that many pages.
COUNTED_ROWS = 10_000


class CappedPaginator(Paginator):
    """A paginator that counts rows up to a cap and has no pages beyond it.

    Users filter the list to see rows beyond the cap. Each page is a queryset of the rows with the
    keys of the page.
    """

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the cap if there are more."""
        return min(self._counted, COUNTED_ROWS)

    @cached_property
    def is_capped(self) -> bool:
        """Return whether there are more rows than the cap."""
        return self._counted > COUNTED_ROWS

    @cached_property
    def few(self) -> list[Any] | None:
        """Return the ordered keys of all rows, or None if there are too many or no filter applies.

        One query filters and another one orders. In a single query, a database tends to read along
        the index of the order until the page is full; if few rows match, that is the whole table.
        """
        if not self.rows.query.where:
            return None
        keys = list(self.rows.order_by().values_list("pk", flat=True)[: COUNTED_ROWS + 1])
        if len(keys) > COUNTED_ROWS:
            return None
        found = self.rows.model._base_manager.filter(pk__in=keys)
        return list(found.order_by(*self.rows.query.order_by).values_list("pk", flat=True))

    @property
    def rows(self) -> Any:
        """Return the queryset of the change list."""
        return self.object_list

    def page(self, number: Any) -> Page[Any]:
        """Return a page by its number, from 1. Raises InvalidPage if there is none."""
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        keys = self.keys(bottom, min(bottom + self.per_page, self.count))
        return Page(self.rows.filter(pk__in=keys), number, self)

    def keys(self, bottom: int, top: int) -> list[Any]:
        """Return the keys of the rows from `bottom` up to, but not including, `top`."""
        if self.few is not None:
            return self.few[bottom:top]
        return list(self.rows.values_list("pk", flat=True)[bottom:top])

    @cached_property
    def _counted(self) -> int:
        if self.few is not None:
            return len(self.few)
        if self.rows.query.where:
            return COUNTED_ROWS + 1
        return int(self.rows.order_by()[: COUNTED_ROWS + 1].count())


class CappedChangeList(ChangeList):
    """A change list with a CappedPaginator; a list of a single page is read by its keys too."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the field only if its column is sortable; other columns have no index."""
        return (
            super().get_ordering_field(field_name)
            if field_name in (self.sortable_by or ())
            else None
        )

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the rows of the page."""
        super().get_results(request)
        if not self.multi_page and self.paginator.few is not None:
            self.result_list = self.queryset.filter(pk__in=self.paginator.few)
