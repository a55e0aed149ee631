"""The contents of a batch: the keys of its objects, and their preview."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db import models

from moderation import conf
from moderation.cascade.plan import Plan
from moderation.cascade.preview import Preview, digest_of_batch
from moderation.cascade.walk import make_plan
from moderation.models import AuditEntry, Removal, RemovalBatch

# The columns of a batch that `fill_batch` sets.
PREVIEW_COLUMNS = (
    "frozen", "digest", "objects_total", "files_total", "pictures_total", "without_picture_total",
    "bytes_total", "rows_by_model", "updates_by_model", "blockers", "fingerprints",
)  # fmt: skip


def model_of(removal: Removal) -> type[models.Model]:
    """Return the model whose objects a removal deletes. Raises LookupError if there is none."""
    return apps.get_model(removal.model_label)


def keys_of(batch: RemovalBatch) -> list[Any]:
    """Return the frozen keys as values of the model's primary key."""
    to_python = model_of(batch.removal)._meta.pk.to_python
    return [to_python(key) for key, _ in batch.frozen]


def plan_batch(
    batch: RemovalBatch,
    *,
    lock: bool = False,
    keys: list[Any] | None = None,
    rows_of: AbstractSet[type[models.Model]] = frozenset(),
) -> Plan:
    """Return the current plan for the objects of a batch, or only for those with the given keys.

    The plan contains the rows of the models in `rows_of`. Raises TooManyRows if there are now too
    many rows for one transaction.
    """
    return make_plan(
        model_of(batch.removal),
        keys_of(batch) if keys is None else keys,
        using=AuditEntry.objects.db,
        limit=conf.batch_rows(),
        lock=lock,
        rows_of=rows_of,
    )


def fill_batch(batch: RemovalBatch, preview: Preview) -> RemovalBatch:
    """Set the columns of a batch from a preview, without saving it; return the batch."""
    batch.frozen = preview.objects
    batch.digest = digest_of_batch(preview.objects)
    batch.objects_total = len(preview.objects)
    batch.files_total = preview.files
    batch.pictures_total = preview.pictures
    batch.without_picture_total = preview.without_picture
    batch.bytes_total = preview.size
    batch.rows_by_model = dict(+preview.rows)  # without the models that have none
    batch.updates_by_model = dict(+preview.updates)
    batch.fingerprints = preview.fingerprints
    batch.blockers = {"protected": dict(preview.protected), "restricted": dict(preview.restricted)}
    return batch


def fill_with(batch: RemovalBatch, keys: Collection[Any]) -> list[Any]:
    """Add objects to a batch, frozen as they are now, without saving it.

    Takes frozen keys, and returns those whose objects exist. The digests and fingerprints of the
    other objects stay the same. Raises TooManyRows, and does not change the batch, if it
    would become too large for one transaction.
    """
    to_python = model_of(batch.removal)._meta.pk.to_python
    preview = plan_batch(batch, keys=[*keys_of(batch), *map(to_python, keys)]).preview()
    current = dict(preview.objects)
    added = {key: current[key] for key in keys if key in current}
    frozen = sorted([*batch.frozen, *added.items()], key=lambda pair: to_python(pair[0]))
    new = {text: preview.fingerprints.get(text, "") for text in map(str, added)}
    fingerprints = batch.fingerprints | {text: own for text, own in new.items() if own}
    fill_batch(batch, replace(preview, objects=frozen, fingerprints=fingerprints))
    return list(added)
