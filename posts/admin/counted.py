"""Numbers of rows for pages, counted up to a limit so that the time does not grow with the rows."""

from __future__ import annotations

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery
from django.utils.translation import gettext as _

from moderation.templatetags.moderation_numbers import grouped

# Counting up to here takes milliseconds, and nobody needs a larger number to decide.
MOST_COUNTED = 1_000


def counted(rows: QuerySet[Any]) -> int:
    """Return the number of rows, or MOST_COUNTED + 1 if there are more."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def number_text(number: int) -> str:
    """Return the text for a counted number: "122", or "1,000+" if there are more rows."""
    more = _("%(number)s+") % {"number": grouped(MOST_COUNTED)}
    return more if number > MOST_COUNTED else grouped(number)


class Counted(Subquery):
    """The number of rows of a queryset that refers to the outer query, as `counted` returns it."""

    empty_result_set_value = 0
    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted_rows)"

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by()[: MOST_COUNTED + 1], output_field=IntegerField())
