"""The objects of a draft to be checked first: those that differ from the rest of the selection.

They are marked when the draft is frozen, so the page and the confirmation agree. Each must be
decided before the draft can be confirmed: kept, or marked as reviewed. The selection itself says
which objects are kept, so a kept object that is returned to it must be reviewed again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import ngettext

from moderation.cascade.batches import model_of
from moderation.db.bulk_insert import insert
from moderation.db.rows import all_rows
from moderation.exceptions import RemovalError
from moderation.models import (
    AuditEntry,
    FrozenTexts,
    MarkedObject,
    Removal,
    batch_numbers,
    has_exact_keys,
    key_table,
)
from moderation.removals.seal import lock_draft
from moderation.review_rules.apply import SMALLEST_SELECTION, Marks, apply_rules
from moderation.templatetags.moderation_numbers import grouped


def mark(removal: Removal) -> None:
    """Mark the objects of a draft that differ from the rest. The draft is not sealed yet."""
    total = _objects_total(removal)
    marks = _marks_of(removal, total)
    removal.dropped_rules = [[rule.name, number, total] for rule, number in marks.dropped]
    removal.save(update_fields=["dropped_rules"])
    with transaction.atomic():
        _store(removal, marks, list(marks.by_key))


def mark_added(removal: Removal, added: Collection[Any]) -> None:
    """Mark the objects that were added to a draft and differ from the rest.

    The other objects stay as they are, unless there were too few to compare before. Takes frozen
    keys. Call this in the transaction that adds the objects.
    """
    total = _objects_total(removal)
    marks, texts = _marks_of(removal, total), set(map(str, added))
    are_all_new = total - len(added) < SMALLEST_SELECTION
    dropped = {name: [name, *numbers] for name, *numbers in removal.dropped_rules}
    dropped |= {rule.name: [rule.name, number, total] for rule, number in marks.dropped}
    removal.dropped_rules = list(dropped.values())
    removal.save(update_fields=["dropped_rules"])
    _store(removal, marks, [key for key in marks.by_key if are_all_new or str(key) in texts])


def mark_again(removal: Removal, *, changed: Collection[Any], deleted: Collection[Any]) -> None:
    """Mark the changed objects of a draft again, and none of the deleted ones.

    The other objects stay as they are, so that nothing has to be reviewed twice. Takes frozen keys.
    Raises DraftChanged if the draft has another seal now.
    """
    marks = _marks_of(removal, _objects_total(removal)) if changed else Marks()
    texts = set(map(str, changed))
    with transaction.atomic():
        lock_draft(removal, removal.seal)
        outdated = texts.union(map(str, deleted))
        removal.marked_objects.filter(key__any_of=outdated).delete()
        _store(removal, marks, [key for key in marks.by_key if str(key) in texts])


def review(removal: Removal, *, seal: str, keys: Collection[str]) -> int:
    """Store that marked objects have been reviewed; return how many had not been before.

    Takes the keys as texts, and ignores those of other objects. Raises DraftChanged if the seal is
    out of date.
    """
    texts = {key for key in keys if "\0" not in key}  # PostgreSQL refuses it in a text
    return _review(removal, seal, removal.marked_objects.filter(key__any_of=texts))


def review_all(removal: Removal, *, seal: str) -> int:
    """Do the same as `review` for all marked objects of a draft."""
    return _review(removal, seal, removal.marked_objects.all())


def undecided(removal: Removal) -> QuerySet[MarkedObject]:
    """Return the marked objects that are selected and have not been reviewed."""
    return removal.marked_objects.filter(is_reviewed=False, key__in=FrozenTexts(removal))


def check_decided(removal: Removal) -> None:
    """Raise RemovalError if a marked object is undecided."""
    if left := undecided(removal).count():
        meta = apps.get_model(removal.model_label)._meta
        text = ngettext(
            "%(count)s %(object)s differs from the rest and has not been reviewed. Keep it, or "
            "mark it as reviewed.",
            "%(count)s %(objects)s differ from the rest and have not been reviewed. Keep them, or "
            "mark them as reviewed.",
            left,
        )
        names = {"object": meta.verbose_name, "objects": meta.verbose_name_plural}
        raise RemovalError(text % {"count": grouped(left), **names})


def _marks_of(removal: Removal, total: int) -> Marks:
    """Return what the rules find among all objects of a draft, including those that admins hide."""
    model = model_of(removal)
    if total < SMALLEST_SELECTION or not has_exact_keys(model):
        return Marks()
    with key_table(removal, model) as keys:
        return apply_rules(all_rows(model, AuditEntry.objects.db).filter(pk__in=keys), total)


def _objects_total(removal: Removal) -> int:
    return int(removal.batches.aggregate(total=Sum("objects_total", default=0))["total"])


def _store(removal: Removal, marks: Marks, keys: Collection[Any]) -> None:
    """Insert the marked objects with these keys."""
    numbers = batch_numbers(removal, keys)
    rows = [
        {
            "batch_number": numbers[str(key)],
            "key": str(key),
            "rules": [[rule.name, parameters] for rule, parameters in marks.by_key[key]],
            "weight": sum(rule.weight for rule, _parameters in marks.by_key[key]),
        }
        for key in sorted(keys)
        if str(key) in numbers
    ]
    if rows:
        same = {"removal_id": removal.pk}
        insert(MarkedObject, rows, same=same, using=AuditEntry.objects.db)


def _review(removal: Removal, seal: str, marked: QuerySet[MarkedObject]) -> int:
    with transaction.atomic():
        lock_draft(removal, seal)
        return marked.filter(pk__in=undecided(removal)).update(is_reviewed=True)
