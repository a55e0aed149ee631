"""Pages of a table that is too long to be counted."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

# Rows up to which a change list counts. It takes milliseconds, and nobody turns that many pages.
COUNTED_ROWS = 10_000


class CappedPaginator(Paginator):
    """Counts up to a cap, and offers the pages up to there: filters lead to what lies beyond."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or the cap where there are more."""
        return min(self._counted, COUNTED_ROWS)

    @cached_property
    def is_capped(self) -> bool:
        """Whether there are more rows than were counted."""
        return self._counted > COUNTED_ROWS

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list  # a queryset, in a change list
        return int(rows.order_by()[: COUNTED_ROWS + 1].count())
