"""Pages of a table that is too long to be counted."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

# Rows up to which a change list counts. It takes milliseconds, and nobody turns that many pages.
COUNTED_ROWS = 10_000


class CappedPaginator(Paginator):
    """Counts up to a cap, and offers the pages up to there: filters lead to what lies beyond.

    Works on a queryset, and gives each page as one, limited to the keys of the page.
    """

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the cap where there are more."""
        return min(self._counted, COUNTED_ROWS)

    @cached_property
    def is_capped(self) -> bool:
        """Return whether there are more rows than were counted."""
        return self._counted > COUNTED_ROWS

    @cached_property
    def few(self) -> list[Any] | None:
        """Return the ordered keys of all rows, or None if there is no filter or there are too many.

        The filters are asked first and the order second. Asked for a page in order, a database
        likes to walk along the order's index until the page is full: along all of the table, where
        few rows match.
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
        """Return a page by its number, from 1. Raises InvalidPage where there is none."""
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        keys = self.keys(bottom, min(bottom + self.per_page, self.count))
        return Page(self.rows.filter(pk__in=keys), number, self)

    def keys(self, bottom: int, top: int) -> list[Any]:
        """Return the keys of the rows from one place in the order to before another."""
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
    """A change list with a CappedPaginator, which finds a list of one page by its keys as well."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """Sort by the columns that offer it, whatever the address says: others have no index."""
        return (
            super().get_ordering_field(field_name)
            if field_name in (self.sortable_by or ())
            else None
        )

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows of this page."""
        super().get_results(request)
        if not self.multi_page and self.paginator.few is not None:
            self.result_list = self.queryset.filter(pk__in=self.paginator.few)
