"""Read the stored row right before the first UPDATE of a save, with the names it is about to lose.

`pre_save` would be too early: the files of a row are uploaded between `pre_save` and the UPDATE,
which may take seconds, and another request may save the same row in the meantime. An INSERT and a
save that writes no file field read nothing.

In a transaction, the row stays locked until its end. In autocommit mode, another save may still
come between the SELECT and the UPDATE.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

from django.db import connections, models

from moderation.db.rows import all_rows
from moderation.recording.row_locks import BeforeStatement, is_in_transaction
from moderation.registry import Registration

_STORED = "_moderation_stored_rows"


class _BeforeUpdate(BeforeStatement):
    """Reads the stored rows of an instance before its first UPDATE.

    It holds the instance weakly, because nothing removes it if the save fails before its UPDATE.
    """

    def __init__(
        self, instance: models.Model, using: str, registrations: Sequence[Registration]
    ) -> None:
        self.instance = weakref.ref(instance)

        def read() -> None:
            if row := self.instance():
                vars(row)[_STORED] = _read(row, using, registrations)

        super().__init__("UPDATE", using, read, lambda: self.instance() is None)
        self.tables = {registration.model._meta.db_table for registration in registrations}


def read_before_update(
    instance: models.Model, using: str, registrations: Sequence[Registration]
) -> None:
    """Schedule the stored rows of an instance to be read before its save changes them."""
    forget_stored_rows(instance, using)
    if registrations:
        _BeforeUpdate(instance, using, registrations)


def stored_rows(instance: models.Model) -> Mapping[str, models.Model]:
    """Return the rows that the current save of an instance changed, by the label of their model."""
    rows: Mapping[str, models.Model] = vars(instance).get(_STORED, {})
    return rows


def forget_stored_rows(instance: models.Model, using: str) -> None:
    """Forget what was read for a save of an instance, and read nothing more for it."""
    vars(instance).pop(_STORED, None)
    for wrapper in list(connections[using].execute_wrappers):
        if isinstance(wrapper, _BeforeUpdate) and wrapper.instance() is instance:
            wrapper.remove()


def _read(
    instance: models.Model, using: str, registrations: Sequence[Registration]
) -> dict[str, models.Model]:
    found = {}
    for registration in registrations:
        key = getattr(instance, registration.model._meta.pk.attname)
        rows = all_rows(registration.model, using).filter(pk=key)
        if is_in_transaction(using):
            rows = rows.select_for_update(of=("self",))
        if row := rows.first():
            found[registration.label] = row
    return found
