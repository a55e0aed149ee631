"""Pagination of tables that are too large to count."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

from moderation.admin.large_lists.related_count import Order, keys_in_order, reversed_order

# The most rows that are counted if a filter applies. That takes milliseconds, and few users go
# through that many pages.
COUNTED_ROWS = 10_000


class LargeListPaginator(Paginator):
    """A paginator that counts the rows that match a filter up to a cap, and has no pages beyond it.

    Users reach the rows beyond the cap with further filters. Each page is a queryset that is
    limited to the keys of the page.
    """

    # Whether all rows are counted if no filter applies. A database does so along an index, in about
    # 0.1 seconds for a million rows.
    counts_all_rows = True
    # The keys of the page that `page()` returned last.
    keys_of_page: list[Any] | None = None

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the cap if there are more."""
        return COUNTED_ROWS if self.is_capped else self._counted

    @cached_property
    def is_capped(self) -> bool:
        """Return whether there are more rows than the cap."""
        has_cap = self.is_filtered or not self.counts_all_rows
        return has_cap and self._counted > COUNTED_ROWS

    @cached_property
    def is_filtered(self) -> bool:
        """Return whether a filter applies."""
        return bool(self.rows.query.where)

    @cached_property
    def keys_if_few(self) -> list[Any] | None:
        """Return the ordered keys of all rows, or None if there is no filter or there are too many.

        One query applies the filters and another the order. For a single query, a database tends
        to read along the index of the order until the page is full, which means the whole table if
        few rows match.
        """
        if not self.is_filtered:
            return None
        keys = list(self.rows.order_by().values_list("pk", flat=True)[: COUNTED_ROWS + 1])
        if len(keys) > COUNTED_ROWS:
            return None
        found = self.rows.model._base_manager.using(self.rows.db).filter(pk__any_of=set(keys))
        return list(found.order_by(*self.order).values_list("pk", flat=True))

    @property
    def rows(self) -> Any:
        """Return the queryset of the change list."""
        return self.object_list

    @property
    def order(self) -> Order:
        """Return the order of the rows, by default that of the model or of its keys."""
        return self.rows.query.order_by or self.rows.model._meta.ordering or ("pk",)

    def page(self, number: Any) -> Page[Any]:
        """Return a page by its number, from 1. Raises InvalidPage if there is none."""
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        self.keys_of_page = self.keys(bottom, min(bottom + self.per_page, self.count))
        return Page(self.rows.filter(pk__in=self.keys_of_page), number, self)

    def keys(self, bottom: int, top: int) -> list[Any]:
        """Return the keys of the rows from `bottom` up to, but not including, `top`.

        They are read from the nearer end of the list, because the database also reads the rows that
        it skips.
        """
        if self.keys_if_few is not None:
            return self.keys_if_few[bottom:top]
        order = self.order
        if not self.is_capped and bottom > self.count - top:
            order, bottom, top = reversed_order(order), self.count - top, self.count - bottom
        return keys_in_order(self.rows, order, bottom, top)

    @cached_property
    def _counted(self) -> int:
        """Return the number of rows, or a number above the cap if counting stopped there."""
        if self.keys_if_few is not None:
            return len(self.keys_if_few)
        if self.is_filtered:
            return COUNTED_ROWS + 1
        rows = self.rows.order_by()
        return int(rows.count() if self.counts_all_rows else rows[: COUNTED_ROWS + 1].count())
