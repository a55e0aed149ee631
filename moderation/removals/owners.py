"""The owners of a draft's objects, such as the authors of posts, as the registrations name them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from moderation.cascade.batches import model_of
from moderation.db.keys import key_field
from moderation.db.rows import all_rows
from moderation.exceptions import DraftChanged
from moderation.models import AuditEntry, Removal, batch_numbers
from moderation.registry.content import content_of
from moderation.removals.keep import KeysByBatch
from moderation.removals.seal import BATCHES_PER_CHUNK


def owners_of(removal: Removal, keys: Collection[Any]) -> dict[Any, Any]:
    """Return the owners of a removal's objects that still exist: {key: owner}."""
    model = model_of(removal)
    if not (lookup := content_of(model).owner):
        return {}
    rows = all_rows(model, AuditEntry.objects.db).filter(pk__any_of=set(keys))
    return dict(rows.values_list("pk", lookup))


def keys_with_owner_of(
    removal: Removal, number: int, key: str, among: KeysByBatch
) -> Iterator[tuple[int, list[str]]]:
    """Yield those of the keys whose objects have the same owner as an object of the draft.

    `number` and `key` are those of the one object, which may be selected or kept. Raises
    DraftChanged if the draft does not contain it, or if it has no owner.
    """
    model, owner = model_of(removal), _owner_of(removal, number, key)
    rows = all_rows(model, AuditEntry.objects.db).filter(**{content_of(model).owner: owner})
    yield from keys_of_objects(rows, among)


def keys_of_objects(objects: QuerySet[Any], among: KeysByBatch) -> Iterator[tuple[int, list[str]]]:
    """Yield those of the keys whose objects are in a queryset, which may contain other objects too.

    Keys are texts; each list comes with the number of its batch. Reads a few batches at a time.
    """
    to_python, batches = key_field(objects.model).to_python, iter(among)
    while chunk := list(islice(batches, BATCHES_PER_CHUNK)):
        numbers = {to_python(key): number for number, keys in chunk for key in keys}
        found = set(objects.filter(pk__any_of=set(numbers)).values_list("pk", flat=True))
        yield from _grouped((key, number) for key, number in numbers.items() if key in found)


def keys_by_batch(removal: Removal, keys: Collection[Any]) -> list[tuple[int, list[str]]]:
    """Return the selected ones of these keys, as `keys_of_objects` yields them.

    The caller must have checked `has_exact_keys` first.
    """
    return _grouped(batch_numbers(removal, keys).items())


def _grouped(numbers: Iterable[tuple[Any, int]]) -> list[tuple[int, list[str]]]:
    """Return keys as texts, by the number of their batch."""
    found: dict[int, list[str]] = defaultdict(list)
    for key, number in numbers:
        found[number].append(str(key))
    return list(found.items())


def _owner_of(removal: Removal, number: int, key: str) -> Any:
    """Return the owner of a draft's object. Raises DraftChanged if there is none."""
    to_python = model_of(removal)._meta.pk.to_python
    for frozen, kept in removal.batches.filter(number=number).values_list("frozen", "kept"):
        for found in (to_python(each) for each in [*dict(frozen), *kept] if str(each) == key):
            if owner := owners_of(removal, [found]).get(found):
                return owner
    raise DraftChanged(_("That object is no longer in this draft."))
