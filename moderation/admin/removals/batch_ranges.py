"""Find the batches with the items of one page of a draft, without reading the other batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from django.db.models import F, Sum, Window

from moderation.models import Removal, RemovalBatch

# The column of a batch that has the number of its items.
Column = Literal["objects_total", "pictures_total", "without_picture_total", "kept_total"]


def batches_between(
    removal: Removal, column: Column, start: int, stop: int
) -> Iterator[tuple[RemovalBatch, slice]]:
    """Yield the batches with the items from `start` to `stop`, and the range within each batch.

    The items of a draft are numbered in the order of its batches. `column` has the number of items
    in each batch. Skips batches without items, so it yields at most `stop - start`. Runs one query.
    """
    total_so_far = Window(Sum(column), order_by="number")
    counted: Any = removal.batches.filter(**{f"{column}__gt": 0}).annotate(end=total_so_far)
    overlapping = counted.annotate(offset=F("end") - F(column)).filter(
        end__gt=start, offset__lt=stop
    )
    for batch in overlapping.order_by("number"):
        batch.removal = removal  # avoids a query for each
        yield batch, slice(max(start - batch.offset, 0), stop - batch.offset)
