"""The numbers of reports and pictures of posts, and sorting by them without counting for all."""

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
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

Order = Sequence[Any]  # as in a change list: names of fields, and OrderBy expressions


class NumberOf(Coalesce):
    """The number of a post's rows in another model that has a foreign key `post`.

    Uses a subquery, which is evaluated only for the posts of a page. A join with GROUP BY would
    count for every post of the table. `post` is the column with the post's key in the outer query.
    """

    def __init__(self, model: type[Model], post: str = "pk") -> None:
        self.model = model
        rows = model._base_manager.filter(post=OuterRef(post)).order_by().values("post")
        counted = rows.annotate(number=Count("pk")).values("number")
        super().__init__(Subquery(counted, output_field=IntegerField()), 0)


def keys_in_order(posts: QuerySet[Any], order: Order, bottom: int, top: int) -> list[Any]:
    """Return the keys of the posts from `bottom` up to, but not including, `top` in the order.

    If a NumberOf comes first in the order, two lists are concatenated: the posts with such rows,
    by grouping the rows along their index, and the posts without, in the rest of the order.
    """
    leading, *rest = order
    if not _is_by_number(leading):
        return list(posts.order_by(*order).values_list("pk", flat=True)[bottom:top])
    some = _with_rows(posts, leading, rest)
    model = leading.expression.model
    none = posts.filter(~Exists(model._base_manager.filter(post=OuterRef("pk"))))
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


def _is_by_number(part: Any) -> bool:
    return isinstance(part, OrderBy) and isinstance(part.expression, NumberOf)


def _with_rows(posts: QuerySet[Any], by: Any, rest: Order) -> Any:
    """Return the ordered keys of the posts with such rows, as a queryset of these rows."""
    rows = by.expression.model._base_manager.all()
    if posts.query.where:
        rows = rows.filter(post__in=posts.order_by().values("pk"))
    numbered = rows.values("post").annotate(number=Count("pk"))
    order = ["-number" if by.descending else "number", *map(_of_post, rest)]
    return numbered.order_by(*order).values_list("post", flat=True)


def _of_post(part: Any) -> Any:
    """Return a part of an order of posts as part of an order of rows that refer to posts."""
    if _is_by_number(part):
        return OrderBy(NumberOf(part.expression.model, "post_id"), descending=part.descending)
    name = part.removeprefix("-")
    # The rows have a column with the key, so no join is needed.
    return part.replace(name, "post_id" if name == "pk" else f"post__{name}")


def reversed_order(order: Order) -> list[Any]:
    """Return the reverse of an order."""
    return [_reversed(part) for part in order]


def _reversed(part: Any) -> Any:
    if isinstance(part, str):
        return part.removeprefix("-") if part.startswith("-") else f"-{part}"
    copy = part.copy()
    copy.reverse_ordering()
    return copy
