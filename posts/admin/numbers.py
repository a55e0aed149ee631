"""How many reports or pictures a post has: shown, and sorted by without counting for every post."""

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

Order = Sequence[Any]  # as a change list has it: names of fields, and OrderBy


class NumberOf(Coalesce):
    """The number of a post's rows in another model, whose key `post` leads to it.

    A subquery, for the posts that are shown: a join with GROUP BY would count for every post of the
    table before a page is shown. `post` is the column in which the query has the post's key.
    """

    def __init__(self, model: type[Model], post: str = "pk") -> None:
        self.model = model
        rows = model._base_manager.filter(post=OuterRef(post)).order_by().values("post")
        counted = rows.annotate(number=Count("pk")).values("number")
        super().__init__(Subquery(counted, output_field=IntegerField()), 0)


def keys_in_order(posts: QuerySet[Any], order: Order, bottom: int, top: int) -> list[Any]:
    """Return the keys of the posts from one place in the order to before another.

    Where a NumberOf leads the order, these are two lists, one behind the other: the posts that have
    such rows, for which the rows are grouped along their index, and those that have none, which
    are in the rest of the order.
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
    """Return the keys of the posts with such rows, in order, as a queryset of these rows."""
    rows = by.expression.model._base_manager.all()
    if posts.query.where:
        rows = rows.filter(post__in=posts.order_by().values("pk"))
    numbered = rows.values("post").annotate(number=Count("pk"))
    order = ["-number" if by.descending else "number", *map(_of_post, rest)]
    return numbered.order_by(*order).values_list("post", flat=True)


def _of_post(part: Any) -> Any:
    """Return a part of an order of posts as one of rows that lead to posts."""
    if _is_by_number(part):
        return OrderBy(NumberOf(part.expression.model, "post_id"), descending=part.descending)
    name = part.removeprefix("-")
    # Of the key there is a column here, and no join is needed.
    return part.replace(name, "post_id" if name == "pk" else f"post__{name}")


def turned_round(order: Order) -> list[Any]:
    """Return the order that begins at the other end."""
    return [_turned(part) for part in order]


def _turned(part: Any) -> Any:
    if isinstance(part, str):
        return part.removeprefix("-") if part.startswith("-") else f"-{part}"
    turned = part.copy()
    turned.reverse_ordering()
    return turned
