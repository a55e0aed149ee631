"""A stretch of a draft: the batches that it touches, found without reading the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from django.db.models import F, Sum, Window

from moderation.models import Removal, RemovalBatch

# What a page counts in: a column of the batches.
Column = Literal["objects_total", "pictures_total", "without_picture_total"]


def batches_between(
    removal: Removal, column: Column, start: int, stop: int
) -> Iterator[tuple[RemovalBatch, slice]]:
    """Yield the batches with the items from `start` to `stop`, and the range within each.

    Things are counted through the whole draft by a column of the batches, in their order. A batch
    without any is left out, so at most `stop - start` are given. One query.
    """
    upto = Window(Sum(column), order_by="number")
    counted: Any = removal.batches.filter(**{f"{column}__gt": 0}).annotate(upto=upto)
    touched = counted.annotate(before=F("upto") - F(column)).filter(upto__gt=start, before__lt=stop)
    for batch in touched.order_by("number"):
        batch.removal = removal  # spares a query for each
        yield batch, slice(max(start - batch.before, 0), stop - batch.before)
