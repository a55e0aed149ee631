"""The objects of a draft to be checked first: those that differ from the rest of the selection.

They are marked when the draft is frozen, so the page and the confirmation agree. Each must be
decided before the draft can be confirmed: kept, or marked as reviewed. The selection itself says
which objects are kept, so a kept object that is returned to it must be reviewed again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, QuerySet, Sum, UUIDField, Value
from django.db.models.functions import Cast, Replace
from django.utils.translation import ngettext

from moderation.cascade.batches import model_of
from moderation.db.bulk_insert import insert
from moderation.db.keys import key_field
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
from moderation.removals.history import DELETED, record_change
from moderation.removals.seal import (
    draft_changed,
    is_sealed,
    lock_draft,
    reseal,
    seal_of_batches,
)
from moderation.review_rules.apply import (
    SMALLEST_SELECTION,
    Marks,
    apply_rules,
    review_rules_of,
)
from moderation.templatetags.moderation_numbers import grouped


def mark(removal: Removal) -> None:
    """Mark the objects of a draft that differ from the rest. The draft is not sealed yet."""
    marks = _marks_of(removal)
    with transaction.atomic():
        _store(removal, marks, None)


def mark_and_reseal(removal: Removal, changes: Mapping[str, Sequence[Any]] | None = None) -> None:
    """Mark the changed objects of a draft again, record the changes and seal it.

    The other objects stay as they are, so that nothing has to be reviewed twice. `changes` has the
    frozen keys for each change of the history. Without it, marks all objects again: an interrupted
    request does not say what it changed. Call this outside of a transaction, because the rules read
    the whole selection. Raises DraftChanged if the draft changed in the meantime.
    """
    seal, marks = seal_of_batches(removal), _marks_of(removal)
    with transaction.atomic():
        lock_draft(removal, removal.seal)
        if seal_of_batches(removal) != seal:
            raise draft_changed(removal, removal.seal)
        _store(removal, marks, None if changes is None else _texts(changes))
        for change, keys in (changes or {}).items():
            if keys:
                record_change(removal, change, keys)
            if change == DELETED:
                delete_marks(removal, keys)
        reseal(removal)


def delete_marks(removal: Removal, keys: Collection[Any]) -> None:
    """Delete the marks of objects that are neither selected nor kept any longer."""
    removal.marked_objects.filter(key__any_of=set(map(str, keys))).delete()


@contextmanager
def lock_sealed_draft(removal: Removal) -> Iterator[None]:
    """Lock a draft in a transaction around the block.

    If the draft is not sealed, because a request was interrupted, marks all of its objects again,
    seals it, and raises DraftChanged.
    """
    seal = removal.seal
    with transaction.atomic():
        lock_draft(removal, seal)
        if is_sealed(removal):
            yield
            return
    mark_and_reseal(removal)
    raise draft_changed(removal, seal)


def review(removal: Removal, marks: Collection[int]) -> int:
    """Store that marked objects have been reviewed; return how many had not been before.

    Takes the primary keys of the MarkedObjects. An object that changes gets a new mark, so this
    needs no seal: the page of another tab reviews only what is still as it showed it. Does nothing
    if the removal is no longer a draft.
    """
    if not marks:
        return 0
    with transaction.atomic():
        if not Removal.objects.drafts().select_for_update().filter(pk=removal.pk).first():
            return 0
        return _review(removal, removal.marked_objects.filter(pk__any_of=set(marks)))


def review_all(removal: Removal, *, seal: str) -> int:
    """Store that all marked objects have been reviewed; return how many had not been before.

    Raises DraftChanged if the seal is out of date.
    """
    with transaction.atomic():
        lock_draft(removal, seal)
        return _review(removal, removal.marked_objects.all())


def undo_review(removal: Removal, *, seal: str) -> int:
    """Undo the most recent review; return the number of objects to be reviewed again.

    Raises DraftChanged if the seal is out of date.
    """
    with transaction.atomic():
        lock_draft(removal, seal)
        total = last_reviewed(removal).count()
        last = removal.marked_objects.filter(is_last_reviewed=True)
        last.update(is_reviewed=False, is_last_reviewed=False)
        return total


def last_reviewed(removal: Removal) -> QuerySet[MarkedObject]:
    """Return the objects of the most recent review that are selected."""
    return removal.marked_objects.filter(is_last_reviewed=True, key__in=FrozenTexts(removal))


def reviewed_keys(removal: Removal) -> QuerySet[MarkedObject, Any]:
    """Return the keys of the objects that have been reviewed, with the type of the model's keys.

    The caller must have checked `has_exact_keys` first.
    """
    field = key_field(model_of(removal))
    # SQLite stores a UUID without hyphens, and PostgreSQL accepts it in this form.
    is_uuid = isinstance(field, UUIDField)
    text = Replace("key", Value("-"), Value("")) if is_uuid else F("key")
    reviewed = removal.marked_objects.filter(is_reviewed=True)
    return reviewed.values_list(Cast(text, output_field=field), flat=True)


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


def _marks_of(removal: Removal) -> Marks | None:
    """Return what the rules find among all objects of a draft, including those that admins hide.

    Returns None if there are too few objects to compare.
    """
    model, total = model_of(removal), _objects_total(removal)
    if total < SMALLEST_SELECTION or not has_exact_keys(model):
        return None
    with key_table(removal, model) as keys:
        return apply_rules(all_rows(model, AuditEntry.objects.db).filter(pk__in=keys), total)


def _objects_total(removal: Removal) -> int:
    return int(removal.batches.aggregate(total=Sum("objects_total", default=0))["total"])


def _texts(changes: Mapping[str, Sequence[Any]]) -> set[str]:
    return {str(key) for keys in changes.values() for key in keys}


def _store(removal: Removal, marks: Marks | None, changed: AbstractSet[str] | None) -> None:
    """Replace the marks of the changed objects, or of all if `changed` is None.

    If there are too few objects to compare, those that are marked must be reviewed again.
    """
    marked = removal.marked_objects.all()
    outdated = marked if changed is None else marked.filter(key__any_of=changed)
    if marks is None:
        _mark_as_before(removal, outdated)
        return
    outdated.delete()
    _insert(removal, marks, _keys_to_mark(removal, marks, changed))
    total = _objects_total(removal)
    removal.dropped_rules = [[rule.name, number, total] for rule, number in marks.dropped]
    removal.save(update_fields=["dropped_rules"])


def _keys_to_mark(removal: Removal, marks: Marks, changed: AbstractSet[str] | None) -> list[Any]:
    """Return the keys of changed objects, and of others that were not compared by a rule before.

    Leaves out other objects that are marked already, so that nothing has to be reviewed twice.
    """
    if changed is None or removal.objects_total < SMALLEST_SELECTION:
        compared = set[str]()
    else:
        dropped = {name for name, *_numbers in removal.dropped_rules}
        compared = {rule.name for rule in review_rules_of(model_of(removal))} - dropped
    marked = set(removal.marked_objects.values_list("key", flat=True))
    return [
        key
        for key, found in marks.by_key.items()
        if (changed is not None and str(key) in changed)
        or (str(key) not in marked and any(rule.name not in compared for rule, _ in found))
    ]


def _insert(removal: Removal, marks: Marks, keys: Sequence[Any]) -> None:
    """Insert the marked objects with these keys."""
    selected = batch_numbers(removal, keys)
    rows = [
        {
            "key": str(key),
            "rules": [[rule.name, parameters] for rule, parameters in marks.by_key[key]],
            "weight": sum(rule.weight for rule, _parameters in marks.by_key[key]),
        }
        for key in sorted(keys)
        if str(key) in selected
    ]
    if rows:
        same = {"removal_id": removal.pk}
        insert(MarkedObject, rows, same=same, using=AuditEntry.objects.db)


def _mark_as_before(removal: Removal, marked: QuerySet[MarkedObject]) -> None:
    """Replace marks by new ones for the same reasons, which have not been reviewed."""
    rows = list(marked.values("key", "rules", "weight"))
    marked.delete()
    if rows:
        insert(MarkedObject, rows, same={"removal_id": removal.pk}, using=AuditEntry.objects.db)


def _review(removal: Removal, marked: QuerySet[MarkedObject]) -> int:
    """Mark those that are undecided as reviewed, and return their number."""
    found = marked.filter(pk__in=undecided(removal))
    if not found.exists():
        return 0
    removal.marked_objects.filter(is_last_reviewed=True).update(is_last_reviewed=False)
    return found.update(is_reviewed=True, is_last_reviewed=True)
