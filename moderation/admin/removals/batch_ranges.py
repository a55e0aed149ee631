"""Find the batches that contain one page of a draft, without reading the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from django.db.models import F, Sum, Window

from moderation.models import Removal, RemovalBatch

# The column of the batches that counts the items of a page.
Column = Literal["objects_total", "pictures_total", "without_picture_total"]


def batches_between(
    removal: Removal, column: Column, start: int, stop: int
) -> Iterator[tuple[RemovalBatch, slice]]:
    """Yield the batches with the items from `start` to `stop`, and the range within each.

    The items are numbered through the whole draft, in the order of its batches; `column` holds how
    many a batch has. Skips batches without items, so it yields at most `stop - start`. One query.
    """
    total_so_far = Window(Sum(column), order_by="number")
    counted: Any = removal.batches.filter(**{f"{column}__gt": 0}).annotate(upto=total_so_far)
    overlapping = counted.annotate(before=F("upto") - F(column)).filter(
        upto__gt=start, before__lt=stop
    )
    for batch in overlapping.order_by("number"):
        batch.removal = removal  # avoids a query for each
        yield batch, slice(max(start - batch.before, 0), stop - batch.before)
