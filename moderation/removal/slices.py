"""What a slice holds: the keys of its objects and what was shown of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Sum

from moderation import conf
from moderation.errors import TooManyRows
from moderation.models import AuditEntry, Removal, RemovalSlice
from moderation.plan import Plan, Shown, digest_of, digest_of_slice, make_plan
from moderation.plan.summary import can_summarize, summarize

TOTALS = ("objects_total", "files_total", "pictures_total", "bytes_total")
# Slices that are looked at with one query a model: memory for 10,000 objects, not for all.
SLICES_AT_ONCE = 20
FILLED = (
    "shown", "digest", "objects_total", "files_total", "pictures_total", "bytes_total",
    "rows_by_kind", "updates_by_kind", "blockers",
)  # fmt: skip
KINDS = ("rows_by_kind", "updates_by_kind")


def model_of(removal: Removal) -> type[models.Model]:
    """The model whose objects a removal deletes. Raises LookupError where it is gone."""
    return apps.get_model(removal.model_label)


def keys_of(part: RemovalSlice) -> list[Any]:
    """The frozen keys as the model's primary key knows them."""
    to_python = model_of(part.removal)._meta.pk.to_python
    return [to_python(key) for key, _ in part.shown]


def plan_slice(part: RemovalSlice, *, lock: bool = False, keys: list[Any] | None = None) -> Plan:
    """The plan for a slice's objects as they are now, or for some of them.

    Raises TooManyRows when they have become too many for one transaction.
    """
    return make_plan(
        model_of(part.removal),
        keys_of(part) if keys is None else keys,
        using=AuditEntry.objects.db,
        limit=conf.slice_rows(),
        lock=lock,
    )


def slices_as_shown(removal: Removal) -> Iterator[tuple[RemovalSlice, Shown | None]]:
    """Each slice of a removal, in order, with what is to be seen of its objects now.

    None stands for a slice whose rows have become too many for one transaction. At most
    SLICES_AT_ONCE slices are held at a time.
    """
    model, using = model_of(removal), AuditEntry.objects.db
    numbers = list(removal.slices.order_by("number").values_list("number", flat=True))
    for start in range(0, len(numbers), SLICES_AT_ONCE):
        asked = numbers[start : start + SLICES_AT_ONCE]
        parts = list(removal.slices.filter(number__in=asked).order_by("number"))
        for part in parts:
            part.removal = removal  # spares a query for each
        if can_summarize(model, using):
            told = list(summarize(model, parts, using=using))
            yield from zip(parts, map(_within_limit, told), strict=True)
        else:
            yield from ((part, _walked(part)) for part in parts)


def _within_limit(shown: Shown) -> Shown | None:
    return shown if shown.rows.total() <= conf.slice_rows() else None


def _walked(part: RemovalSlice) -> Shown | None:
    try:
        return plan_slice(part).shown()
    except TooManyRows:
        return None


def fill_slice(part: RemovalSlice, shown: Shown) -> RemovalSlice:
    """Put what is shown into a slice, unsaved; gives the slice."""
    part.shown = shown.objects
    part.digest = digest_of_slice(shown.objects)
    part.objects_total = len(shown.objects)
    part.files_total = shown.files
    part.pictures_total = shown.cards
    part.bytes_total = shown.size
    part.rows_by_kind = dict(shown.rows)
    part.updates_by_kind = dict(shown.updates)
    part.blockers = {"protected": dict(shown.protected), "restricted": dict(shown.restricted)}
    return part


def save_slice(part: RemovalSlice) -> None:
    """Save a slice that was filled; one without objects is deleted."""
    if part.objects_total:
        part.save()
    elif part.pk:
        part.delete()


def reseal(removal: Removal) -> None:
    """Sum up the slices of a draft and seal what they show."""
    slices = removal.slices.order_by("number")
    sums = slices.aggregate(**{name: Sum(name, default=0) for name in TOTALS})
    kinds: dict[str, Counter[str]] = {name: Counter() for name in KINDS}
    blockers: dict[str, Counter[str]] = {"protected": Counter(), "restricted": Counter()}
    digests = []
    for digest, blocking, *counts in slices.values_list("digest", "blockers", *KINDS).iterator():
        digests.append(digest)
        for name, count in zip(KINDS, counts, strict=True):
            kinds[name].update(count)
        for name, counter in blockers.items():
            counter.update(blocking.get(name, {}))
    removal.seal = digest_of("\n".join([removal.model_label, *digests]))
    removal.blockers = {name: dict(counter) for name, counter in blockers.items() if counter}
    for name, value in {**sums, **kinds}.items():
        setattr(removal, name, value)
    removal.save(update_fields=["seal", "blockers", *TOTALS, *KINDS])
