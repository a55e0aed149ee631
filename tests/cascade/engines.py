"""Comparison of the two engines, and the rows that Django's Collector finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.deletion import Collector

from moderation.cascade.batches import PREVIEW_COLUMNS, fill_batch, model_of, plan_batch
from moderation.cascade.postgres import digests_of, fill
from moderation.models import Removal, RemovalBatch

on_postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite always walks")


def batches_of(model: type[Model], keys: Sequence[Any], size: int) -> list[RemovalBatch]:
    removal = Removal.objects.create(model_label=model._meta.label, actor_name="mod")
    pages = {start: keys[start : start + size] for start in range(0, len(keys), size)}
    return [
        RemovalBatch.objects.create(removal=removal, number=n, frozen=[[key, ""] for key in page])
        for n, page in pages.items()
    ]


def assert_engines_agree(batches: Sequence[RemovalBatch]) -> None:
    """Compare the digests and previews of batches of one removal, together and one by one."""
    model = model_of(batches[0].removal)
    walked = [fill_batch(batch, plan_batch(batch).preview()) for batch in batches]
    expected = {batch.pk: batch.digest for batch in walked}
    assert digests_of(model, batches, using="default") == expected
    for batch in walked:  # a single batch has a statement of its own
        assert digests_of(model, [batch], using="default") == {batch.pk: batch.digest}
    rows = fill(model, batches, using="default")
    assert rows == {batch.pk: sum(batch.rows_by_model.values()) for batch in walked}
    for batch in walked:
        filled = RemovalBatch.objects.filter(pk=batch.pk).values(*PREVIEW_COLUMNS).get()
        batch.frozen = [list(pair) for pair in batch.frozen]
        assert filled == {name: getattr(batch, name) for name in PREVIEW_COLUMNS}


def collected(model: type[Model], keys: Sequence[Any]) -> Counter[str]:
    """Return the number of rows by model that Django would delete."""
    collector = Collector(using="default")
    collector.collect(model._base_manager.filter(pk__in=keys))
    rows: dict[type[Model], set[Any]] = {}
    for each, instances in collector.data.items():
        concrete = each._meta.concrete_model or each
        rows.setdefault(concrete, set()).update(instance.pk for instance in instances)
    for fast in collector.fast_deletes:
        concrete = fast.model._meta.concrete_model or fast.model
        rows.setdefault(concrete, set()).update(fast.values_list("pk", flat=True))
    return Counter({each._meta.label: len(keys) for each, keys in rows.items() if keys})
