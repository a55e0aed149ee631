"""What a slice holds: the keys of its objects and what was shown of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Sum

from moderation import conf
from moderation.models import AuditEntry, Removal, RemovalSlice
from moderation.plan import Plan, digest_of, digest_of_slice, make_plan

TOTALS = ("objects_total", "files_total", "pictures_total", "bytes_total")
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


def fill_slice(part: RemovalSlice, plan: Plan) -> None:
    """Store what a plan shows in its slice; a slice without objects is deleted."""
    if not plan.roots:
        if part.pk:
            part.delete()
        return
    part.shown = shown_by(plan)
    part.digest = digest_of_slice(part.shown)
    part.objects_total = len(plan.roots)
    part.files_total = len(plan.files)
    part.pictures_total = len(plan.cards())
    part.bytes_total = plan.size
    part.rows_by_kind = dict(plan.rows)
    part.updates_by_kind = dict(plan.updates)
    part.blockers = {"protected": dict(plan.protected), "restricted": dict(plan.restricted)}
    part.save()


def shown_by(plan: Plan) -> list[tuple[Any, str]]:
    """What a slice stores of a plan: [key, digest] for each object, in key order."""
    digests = plan.digests()
    return [(json_key(root), digests[root]) for root in plan.roots]


def json_key(key: Any) -> int | str:
    """A primary key as JSON holds it."""
    return key if isinstance(key, int | str) else str(key)


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
