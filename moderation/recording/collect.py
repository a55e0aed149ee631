"""Writing the audit log: one entry for each stored file of a row that is being deleted.

The order of Django's signals is the reason for the shape. All `pre_delete` signals of one
`.delete()` come before its first SQL DELETE, in an order that depends on which keys are nullable;
so files are collected there, under `origin` (the very queryset or instance that `.delete()` was
called on), and written in one go at the first `post_delete`, inside the same transaction. Who
deletes, and why, travels on `origin` too: no thread-locals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from django.db import connections, models, transaction

from moderation import signals
from moderation.db.rows import all_rows
from moderation.exceptions import UnexpectedFiles
from moderation.models import AuditEntry
from moderation.recording.attribution import NOBODY, DeletionContext, context_of
from moderation.recording.entries import write_entries
from moderation.recording.row_locks import BeforeDeletion, Names, lock_and_compare, names_of
from moderation.registry import DetailsKey, Registration
from moderation.registry.files import FileColumn, StoredFile, file_columns_of, files_of

_COLLECTION = "_moderation_collection"


@dataclass(slots=True, eq=False)
class _Collection:
    """The files met so far in one `.delete()`, and a callback that dies with a rollback."""

    found: dict[StoredFile, Mapping[str, Any]] = field(default_factory=dict)
    by_details_key: dict[DetailsKey, Mapping[str, Any]] = field(default_factory=dict)
    columns: Callable[[Registration], Sequence[FileColumn]] = field(
        default_factory=lambda: cache(file_columns_of)
    )
    # The rows that are not locked yet, by their key, with the names in their file columns; and what
    # locks them before the first is deleted.
    unlocked: dict[Registration, dict[Any, Names]] = field(default_factory=dict)
    watch: BeforeDeletion | None = None
    is_written: bool = False
    # Called after the commit; an object of its own, by which to know it again.
    at_commit: Callable[[], None] | None = None

    def begin(self, using: str) -> None:
        """Have a worker woken after the commit, once."""
        if self.at_commit is not None:
            return

        # No partial: Django logs the `__qualname__` of a function that fails.
        def wake() -> None:
            if self.is_written:
                signals.files_due.send(AuditEntry)

        self.at_commit = wake
        transaction.on_commit(wake, using=using, robust=True)

    def lives(self, using: str) -> bool:
        """Return whether the transaction or savepoint of its start was not rolled back.

        Django drops the callbacks of what is rolled back. What was collected on a queryset would
        survive it, and be written again by the queryset's next `.delete()`.
        """
        calls = reversed(connections[using].run_on_commit)  # its own is the last, nearly always
        return any(call[1] is self.at_commit for call in calls)

    def add(
        self, registration: Registration, row: models.Model, using: str, context: DeletionContext
    ) -> None:
        """Note the files of a row, with their details."""
        if files := files_of(registration, row, self.columns(registration)):
            details = _details(registration, row, using, context.known, self.by_details_key)
            self.found.update(dict.fromkeys(files, details))

    def write(self, context: DeletionContext, using: str) -> None:
        """Write the entries."""
        if self.found:
            write_entries(self.found, context, using)
            self.is_written = True

    def lock_before_deletion(
        self, registration: Registration, row: models.Model, using: str
    ) -> None:
        """Have the row locked in time, and looked at again."""
        if self.watch is None:
            self.watch = BeforeDeletion(
                using, partial(self._compare_again, using), lambda: not self.lives(using)
            )
        self.watch.tables.add(registration.model._meta.db_table)
        names = names_of(registration, row)
        self.unlocked.setdefault(registration, {})[row.pk] = names

    def _compare_again(self, using: str) -> None:
        """Leave out the files of rows that are gone; note those that a row names now."""
        for registration in sorted(self.unlocked, key=lambda each: each.label):
            rows = self.unlocked[registration]
            gone, changed = lock_and_compare(rows, registration, using=using)
            if not (untrue := gone | changed):
                continue
            label = registration.label
            for file in [f for f in self.found if f.label == label and f.key in untrue]:
                del self.found[file]
            for row in all_rows(registration.model, using).filter(pk__any_of=changed):
                self.add(registration, row, using, NOBODY)


def collect(registration: Registration, instance: models.Model, using: str, origin: Any) -> None:
    """Note the files of a row that is about to be deleted; write at once where no origin is."""
    is_fresh = not (_is_of(origin, instance) or _lacks_names(registration, instance))
    stored = instance if is_fresh else _as_stored(registration, instance, using)
    collection = getattr(origin, _COLLECTION, None)
    if collection is None or not collection.lives(using):
        collection = _Collection()
    if stored is None:
        return
    context = context_of(origin)
    collection.begin(using)
    collection.add(registration, stored, using, context)
    if (
        stored is instance and context.expected_files is None and origin is not None
    ):  # else locked already
        collection.lock_before_deletion(registration, stored, using)
    if origin is None:
        collection.write(context, using)
    else:
        setattr(origin, _COLLECTION, collection)


def write_collected(using: str, origin: Any) -> None:
    """Write what was collected under an origin, once, in the transaction of the deletion.

    Raises UnexpectedFiles where a removal's deletion takes other files than were shown.
    """
    collection = getattr(origin, _COLLECTION, None)
    if collection is None:
        return
    delattr(origin, _COLLECTION)
    if collection.watch is not None:
        collection.watch.remove()
    if not collection.lives(using):
        return
    context = context_of(origin)
    if context.expected_files is not None and (
        different := context.expected_files ^ collection.found.keys()
    ):
        names = ", ".join(sorted(f"{file.label} {file.key}: {file.name}" for file in different)[:3])
        raise UnexpectedFiles(f"The files changed while they were being deleted: {names}")
    collection.write(context, using)


def _is_of(origin: Any, instance: models.Model) -> bool:
    """Return whether an instance is the one that `.delete()` was called on, or a parent of it.

    It may name other files than the row in the database: old ones, or new ones that were never
    stored. The same is true without an origin, when code uses a Collector directly. Django has just
    read all other instances from the database.
    """
    return origin is None or (isinstance(origin, type(instance)) and origin.pk == instance.pk)


def _lacks_names(registration: Registration, instance: models.Model) -> bool:
    """Return whether a row was read without its file fields, by `only()` or `defer()`.

    Django would fetch each field through the model's base manager, which may hide the row.
    """
    return any(field.attname not in instance.__dict__ for field in registration.fields)


def _as_stored(
    registration: Registration, instance: models.Model, using: str
) -> models.Model | None:
    """Return the locked row from the database, or None if it was already deleted."""
    rows = all_rows(registration.model, using).select_for_update()
    return rows.filter(pk=instance.pk).first()


def _details(
    registration: Registration,
    instance: models.Model,
    using: str,
    known: Mapping[DetailsKey, Mapping[str, Any]],
    found: dict[DetailsKey, Mapping[str, Any]],
) -> Mapping[str, Any]:
    """Return the details of one row. One query for all rows with the same details key."""
    key = registration.details_key(instance)
    details = known.get(key) or found.get(key)
    if details is None:
        details = registration.details([instance.pk], using=using).get(instance.pk, {})
        found[key] = details
    return {**details, **registration.local_details(instance)}
