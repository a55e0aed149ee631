"""Write the audit log: one entry for each stored file of a row that is being deleted.

The design follows from the order of Django's signals. Django sends all `pre_delete` signals of one
`.delete()` before its first SQL DELETE, in an order that depends on which foreign keys are
nullable. So files are collected on `pre_delete` and stored on `origin` (the queryset or instance on
which `.delete()` was called). Their entries are written together on the first `post_delete`, inside
the same transaction. `origin` also carries who deletes, and why, so there are no thread-locals.
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
from moderation.recording.row_locks import BeforeStatement, Names, lock_and_compare, names_of
from moderation.registry import DetailsKey, Registration
from moderation.registry.files import FileColumn, StoredFile, file_columns_of, files_of

_COLLECTION = "_moderation_collection"


@dataclass(slots=True, eq=False)
class _Collection:
    """The files collected so far in one `.delete()`, and a callback that a rollback discards."""

    found: dict[StoredFile, Mapping[str, Any]] = field(default_factory=dict)
    by_details_key: dict[DetailsKey, Mapping[str, Any]] = field(default_factory=dict)
    columns: Callable[[Registration], Sequence[FileColumn]] = field(
        default_factory=lambda: cache(file_columns_of)
    )
    # The rows that are not locked yet, by key, with the names in their file columns. `watch` locks
    # them before the first is deleted.
    unlocked: dict[Registration, dict[Any, Names]] = field(default_factory=dict)
    watch: BeforeStatement | None = None
    is_written: bool = False
    # Called after the commit. Each collection creates its own function, so that `is_alive` can find
    # it among the connection's callbacks.
    at_commit: Callable[[], None] | None = None

    def begin(self, using: str) -> None:
        """Register the callback that sends `files_due` after the commit, once."""
        if self.at_commit is not None:
            return

        # Not a partial: Django logs the `__qualname__` of a callback that fails.
        def send_files_due() -> None:
            if self.is_written:
                signals.files_due.send(AuditEntry)

        self.at_commit = send_files_due
        transaction.on_commit(send_files_due, using=using, robust=True)

    def is_alive(self, using: str) -> bool:
        """Return True unless the transaction or savepoint in which this began was rolled back.

        Django discards the callbacks of a transaction or savepoint that is rolled back. A
        collection on a queryset would survive the rollback, and the queryset's next `.delete()`
        would write it again.
        """
        calls = reversed(connections[using].run_on_commit)  # its own is nearly always the last
        return any(call[1] is self.at_commit for call in calls)

    def add(
        self, registration: Registration, row: models.Model, using: str, context: DeletionContext
    ) -> None:
        """Add the files of a row, with their details."""
        if files := files_of(registration, row, self.columns(registration)):
            details = _details(registration, row, using, context.known, self.by_details_key)
            self.found.update(dict.fromkeys(files, details))

    def write(self, context: DeletionContext, using: str) -> None:
        """Write the entries of the collected files.

        Then forget the files: this object and `at_commit` refer to each other, so their memory
        would be freed only by the next full garbage collection, several batches later.
        """
        if self.found:
            write_entries(self.found, context, using)
            self.found, self.is_written = {}, True

    def lock_before_deletion(
        self, registration: Registration, row: models.Model, using: str
    ) -> None:
        """Schedule a row to be locked, and its file names compared again, before it is deleted."""
        if self.watch is None:
            self.watch = BeforeStatement(
                "DELETE FROM",
                using,
                partial(self._compare_again, using),
                lambda: not self.is_alive(using),
            )
        self.watch.tables.add(registration.model._meta.db_table)
        names = names_of(registration, row)
        self.unlocked.setdefault(registration, {})[row.pk] = names

    def _compare_again(self, using: str) -> None:
        """Lock the scheduled rows and correct the collected files.

        Discards the files of rows that were deleted or that name other files than before, and adds
        the files that the changed rows name now.
        """
        for registration in sorted(self.unlocked, key=lambda each: each.label):
            rows = self.unlocked[registration]
            deleted, changed = lock_and_compare(rows, registration, using=using)
            if not (stale := deleted | changed):
                continue
            label = registration.label
            for file in [f for f in self.found if f.label == label and f.key in stale]:
                del self.found[file]
            for row in all_rows(registration.model, using).filter(pk__any_of=changed):
                self.add(registration, row, using, NOBODY)


def collect(registration: Registration, instance: models.Model, using: str, origin: Any) -> None:
    """Collect the files of a row before it is deleted; without an origin, write them now."""
    is_fresh = not (_is_of(origin, instance) or _lacks_names(registration, instance))
    stored = instance if is_fresh else _as_stored(registration, instance, using)
    collection = getattr(origin, _COLLECTION, None)
    if collection is None or not collection.is_alive(using):
        collection = _Collection()
    if stored is None:
        return
    context = context_of(origin)
    collection.begin(using)
    collection.add(registration, stored, using, context)
    # Otherwise the row is already locked.
    if stored is instance and context.expected_files is None and origin is not None:
        collection.lock_before_deletion(registration, stored, using)
    if origin is None:
        collection.write(context, using)
    else:
        setattr(origin, _COLLECTION, collection)


def write_collected(using: str, origin: Any) -> None:
    """Write the entries of the files collected on an origin, once, in the deletion's transaction.

    Raises UnexpectedFiles if the files differ from those that the removal expects.
    """
    collection = getattr(origin, _COLLECTION, None)
    if collection is None:
        return
    delattr(origin, _COLLECTION)
    if collection.watch is not None:
        collection.watch.remove()
    if not collection.is_alive(using):
        return
    context = context_of(origin)
    if context.expected_files is not None and (
        different := context.expected_files ^ collection.found.keys()
    ):
        names = ", ".join(sorted(f"{file.label} {file.key}: {file.name}" for file in different)[:3])
        raise UnexpectedFiles(f"The files changed while they were being deleted: {names}")
    collection.write(context, using)


def _is_of(origin: Any, instance: models.Model) -> bool:
    """Return whether an instance is the one on which `.delete()` was called, or a parent of it.

    Such an instance may name other files than its row in the database: outdated files, or new files
    that were never stored. The same is true without an origin, when code uses a Collector directly.
    Django has just read all other instances from the database.
    """
    return origin is None or (isinstance(origin, type(instance)) and origin.pk == instance.pk)


def _lacks_names(registration: Registration, instance: models.Model) -> bool:
    """Return whether a row was read without one of its file fields, by `only()` or `defer()`.

    Django would fetch the field through the model's base manager, which may hide the row.
    """
    return any(field.attname not in instance.__dict__ for field in registration.fields)


def _as_stored(
    registration: Registration, instance: models.Model, using: str
) -> models.Model | None:
    """Lock a row and return it as stored in the database, or None if it was already deleted."""
    rows = all_rows(registration.model, using).select_for_update()
    return rows.filter(pk=instance.pk).first()


def _details(
    registration: Registration,
    instance: models.Model,
    using: str,
    known: Mapping[DetailsKey, Mapping[str, Any]],
    found: dict[DetailsKey, Mapping[str, Any]],
) -> Mapping[str, Any]:
    """Return the details of one row, with one query for all rows that share its details key."""
    key = registration.details_key(instance)
    details = known.get(key) or found.get(key)
    if details is None:
        details = registration.details([instance.pk], using=using).get(instance.pk, {})
        found[key] = details
    return {**details, **registration.local_details(instance)}
