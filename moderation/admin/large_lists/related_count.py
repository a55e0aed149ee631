"""The number of related rows of each row, and sorting by it without counting for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import (
    Count,
    Exists,
    IntegerField,
    Model,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

Order = Sequence[Any]  # as in a change list: names of fields, and expressions


class RelatedCount(Coalesce):
    """The number of a model's rows that refer to a row by a foreign key to its primary key.

    Uses a subquery, which is evaluated only for the rows of a page. A join with GROUP BY would
    count for every row of the table. Only related rows that satisfy `condition` are counted. `key`
    is the column with the row's key in the outer query.
    """

    def __init__(
        self, model: type[Model], foreign_key: str, condition: Q | None = None, key: str = "pk"
    ) -> None:
        self.model, self.foreign_key, self.condition = model, foreign_key, condition or Q()
        groups = self.related.filter(**{foreign_key: OuterRef(key)})
        groups = groups.order_by().values(foreign_key)
        counted = groups.annotate(number=Count("pk")).values("number")
        super().__init__(Subquery(counted, output_field=IntegerField()), 0)

    @property
    def related(self) -> QuerySet[Any]:
        """Return all rows that are counted."""
        return self.model._base_manager.filter(self.condition)


def keys_in_order(rows: QuerySet[Any], order: Order, bottom: int, top: int) -> list[Any]:
    """Return the keys of the rows from `bottom` up to, but not including, `top` in the order.

    If the order begins with a RelatedCount, two lists are concatenated: the rows that have related
    rows, found by grouping the latter along an index, and the other rows, in the rest of the order.
    """
    leading, *rest = order
    if not _is_count(leading) or not all(isinstance(each, str) or _is_count(each) for each in rest):
        return list(rows.order_by(*order).values_list("pk", flat=True)[bottom:top])
    count: RelatedCount = leading.expression
    some = _with_related(rows, leading, rest)
    related = count.related.filter(**{count.foreign_key: OuterRef("pk")})
    none = rows.filter(~Exists(related))
    if leading.descending:
        keys = list(some[bottom:top])
        if missing := top - bottom - len(keys):
            start = max(bottom - some.count(), 0)
            keys += keys_in_order(none, rest, start, start + missing)
        return keys
    keys = keys_in_order(none, rest, bottom, top)
    if missing := top - bottom - len(keys):
        start = max(bottom - none.count(), 0)
        keys += some[start : start + missing]
    return keys


def _is_count(part: Any) -> bool:
    return isinstance(part, OrderBy) and isinstance(part.expression, RelatedCount)


def _with_related(rows: QuerySet[Any], by: Any, rest: Order) -> Any:
    """Return a queryset of the keys of the rows that have related rows, in the order."""
    name = by.expression.foreign_key
    related = by.expression.related.using(rows.db).filter(**{f"{name}__isnull": False})
    if rows.query.where:
        related = related.filter(**{f"{name}__in": rows.order_by().values("pk")})
    numbered = related.values(name).annotate(number=Count("pk"))
    order = ["-number" if by.descending else "number", *(_of_related(each, name) for each in rest)]
    return numbered.order_by(*order).values_list(name, flat=True)


def _of_related(part: Any, foreign_key: str) -> Any:
    """Return a part of an order, such as "-name", for the related rows: "-post__name"."""
    key = f"{foreign_key}_id"  # a column of the related rows, so no join is needed
    if _is_count(part):
        count = part.expression
        numbers = RelatedCount(count.model, count.foreign_key, count.condition, key)
        return OrderBy(numbers, descending=part.descending)
    name = part.removeprefix("-")
    return part.replace(name, key if name == "pk" else f"{foreign_key}__{name}")


def reversed_order(order: Order) -> list[Any]:
    """Return the reverse of an order."""
    return [_reversed(part) for part in order]


def _reversed(part: Any) -> Any:
    if isinstance(part, str):
        return part.removeprefix("-") if part.startswith("-") else f"-{part}"
    copy = part.copy() if isinstance(part, OrderBy) else part.asc()
    copy.reverse_ordering()
    return copy
