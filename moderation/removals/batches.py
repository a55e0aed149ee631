"""What a slice holds: the keys of its objects and what was shown of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Sum

from moderation import conf
from moderation.cascade import Plan, Shown, digest_of, digest_of_slice, make_plan
from moderation.cascade.postgres import can_summarize, digests_of, fill
from moderation.cascade.tree import Locked, lock_tree
from moderation.exceptions import TooManyRows
from moderation.models import AuditEntry, Removal, RemovalSlice

TOTALS = ("objects_total", "files_total", "pictures_total", "bare_total", "bytes_total")
# Slices that are looked at with one statement: memory for 10,000 objects, not for all.
SLICES_AT_ONCE = 20
FILLED = (
    "shown", "digest", "objects_total", "files_total", "pictures_total", "bare_total",
    "bytes_total", "rows_by_kind", "updates_by_kind", "blockers",
)  # fmt: skip
KINDS = ("rows_by_kind", "updates_by_kind")


def model_of(removal: Removal) -> type[models.Model]:
    """Return the model whose objects a removal deletes. Raises LookupError where it is gone."""
    return apps.get_model(removal.model_label)


def keys_of(part: RemovalSlice) -> list[Any]:
    """Return the frozen keys as the model's primary key knows them."""
    to_python = model_of(part.removal)._meta.pk.to_python
    return [to_python(key) for key, _ in part.shown]


def plan_slice(
    part: RemovalSlice,
    *,
    lock: bool = False,
    keys: list[Any] | None = None,
    rows_of: AbstractSet[type[models.Model]] = frozenset(),
) -> Plan:
    """Return the plan for a slice's objects as they are now, or for some of them.

    `rows_of` are models whose rows it must contain. Raises TooManyRows if there are now too many
    rows for one transaction.
    """
    return make_plan(
        model_of(part.removal),
        keys_of(part) if keys is None else keys,
        using=AuditEntry.objects.db,
        limit=conf.slice_rows(),
        lock=lock,
        rows_of=rows_of,
    )


def lock_unchanged(part: RemovalSlice, keys: list[Any]) -> Locked | None:
    """Lock the rows of a slice's objects, and return them if nothing changed since the preview.

    The database compares the digest. Returns None if it differs, or if only the walk can compute
    it.
    """
    model, using = model_of(part.removal), AuditEntry.objects.db
    if not can_summarize(model, using):
        return None
    locked = lock_tree(model, keys, using, limit=conf.slice_rows())
    if locked is None:
        return None
    now = digests_of(model, [part], using=using).get(part.pk)
    return locked if now == part.digest else None


def slices_in_turn(removal: Removal) -> Iterator[list[RemovalSlice]]:
    """Yield the slices of a removal in order, SLICES_AT_ONCE at a time, with `shown` deferred."""
    numbers = list(removal.slices.order_by("number").values_list("number", flat=True))
    for start in range(0, len(numbers), SLICES_AT_ONCE):
        asked = numbers[start : start + SLICES_AT_ONCE]
        parts = removal.slices.filter(number__in=asked).order_by("number").defer("shown")
        for part in parts:
            part.removal = removal  # spares a query for each
        if found := list(parts):  # none where the draft was cancelled meanwhile
            yield found


def fill_slices(removal: Removal, parts: Sequence[RemovalSlice]) -> list[RemovalSlice]:
    """Save the current preview of their objects in slices of a removal.

    Deletes slices whose objects no longer exist. Returns the slices with too many rows for one
    transaction, which are still to be halved.
    """
    model, using = model_of(removal), AuditEntry.objects.db
    if not can_summarize(model, using):
        return _walk_and_fill(parts)
    rows = fill(model, parts, using=using)
    gone = [part.pk for part in parts if part.pk not in rows]
    removal.slices.filter(pk__in=gone).delete()
    return [part for part in parts if rows.get(part.pk, 0) > conf.slice_rows()]


def _walk_and_fill(parts: Sequence[RemovalSlice]) -> list[RemovalSlice]:
    filled, too_large = [], []
    for part in parts:
        try:
            filled.append(fill_slice(part, plan_slice(part).shown()))
        except TooManyRows:
            too_large.append(part)
    RemovalSlice.objects.bulk_update([part for part in filled if part.objects_total], FILLED)
    for part in filled:
        if not part.objects_total:
            part.delete()
    return too_large


def changed_slices(removal: Removal) -> Iterator[tuple[RemovalSlice, Shown]]:
    """Yield the slices of a draft whose objects changed since the preview, with the new preview.

    Raises TooManyRows if such a slice has become too large for one transaction.
    """
    model, using = model_of(removal), AuditEntry.objects.db
    for parts in slices_in_turn(removal):
        suspects = parts
        if can_summarize(model, using):
            digests = digests_of(model, parts, using=using)
            suspects = [part for part in parts if digests.get(part.pk) != part.digest]
        for part in suspects:
            shown = plan_slice(part).shown()
            if digest_of_slice(shown.objects) != part.digest:
                yield part, shown


def fill_slice(part: RemovalSlice, shown: Shown) -> RemovalSlice:
    """Put a preview into a slice without saving it; return the slice."""
    part.shown = shown.objects
    part.digest = digest_of_slice(shown.objects)
    part.objects_total = len(shown.objects)
    part.files_total = shown.files
    part.pictures_total = shown.cards
    part.bare_total = shown.bare
    part.bytes_total = shown.size
    part.rows_by_kind = dict(+shown.rows)  # without the kinds that have none
    part.updates_by_kind = dict(+shown.updates)
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
    removal.seal = _seal_over(removal, digests)
    removal.blockers = {name: dict(counter) for name, counter in blockers.items() if counter}
    for name, value in {**sums, **kinds}.items():
        setattr(removal, name, value)
    removal.save(update_fields=["seal", "history", "blockers", *TOTALS, *KINDS])


def is_sealed(removal: Removal) -> bool:
    """Return whether a draft's seal matches its slices. Call this under the draft's lock.

    It does not if a request was interrupted after it saved slices and before it sealed them.
    """
    digests = removal.slices.order_by("number").values_list("digest", flat=True)
    return removal.seal == _seal_over(removal, digests)


def _seal_over(removal: Removal, digests: Iterable[str]) -> str:
    return digest_of("\n".join([removal.model_label, *digests]))
