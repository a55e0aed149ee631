"""A row is saved that names a key of the audit log: the file stays, or the row is refused.

The entry's row lock is the key's lock: a purge claims under it, and looks for rows that use the
key only when it has it. In autocommit `save()` is not one transaction: what `pre_save` does, the
INSERT and what `post_save` does commit one after the other, and the INSERT may fail. So there are
two steps.

Before the row is written its keys are reserved, in a short transaction of their own: they are due a
minute later. A key that a storage was asked for is refused. If the INSERT fails there is nothing to
undo: the reservation lapses.

After the row is written its keys are locked again. What is still free is in use by this row from
now on. What was claimed in between (the reservation lapsed, or the entry is younger than the first
look) may be erased at any moment: the row is taken back (moderation.taken_back) and KeyTaken is
raised. A name that is only decided while the row is saved is looked up in this step.

Inside a transaction all locks last until its end. Only an entry that is recorded and claimed after
the last look, while nobody else sees the row yet, slips through: so the rows of a transaction are
looked up once more after its commit, all in one query. A row in another database than the log's is
decided about at that time, too: its transaction is not the log's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, models, transaction
from django.db.models import FileField
from django.db.models.expressions import DatabaseDefault
from django.utils.translation import gettext as _

from moderation.defaults import default_names_on, is_default
from moderation.errors import KeyTaken
from moderation.files import extra_files
from moderation.registry import alias_of, registration_for
from moderation.reused_keys import (
    FileKey,
    entries_of,
    file_key,
    home,
    keep,
    lock_entries_of,
    reserve,
    stored_again,
)
from moderation.rows import all_rows
from moderation.taken_back import SavedRow, names_in_database, reset, take_back

logger = logging.getLogger(__name__)

_SEEN = "_moderation_seen_before_save"
# Callbacks of other apps among which ours is looked for: they may add some with every row.
NEAR_THE_END = 10
# Rows that are looked up with one query after a commit.
ROWS_A_QUERY = 1000


@dataclass(slots=True)
class _Seen:
    """What was known of a row before it was written: plain data, kept on the instance until then.

    `files` are the names that it had by then, `former` those that are stored, where that was looked
    up because the log knows a key; `stored_again` see `moderation.reused_keys.stored_again`.
    """

    files: Mapping[str, FileKey] = field(default_factory=dict)
    former: Mapping[str, str | None] | None = None
    stored_again: set[int] = field(default_factory=set)
    is_reserved: bool = False
    had_key: bool = False
    has_parents: bool = False

    def is_unchanged(self, name: str, file: FileKey) -> bool:
        """Whether the row was stored with this very name."""
        return self.former is not None and self.former.get(name) == file.name


def reserve_reused_keys(
    instance: models.Model, using: str, update_fields: frozenset[str] | None, *, raw: bool = False
) -> None:
    """Before a row is written: reserve the keys that it names and that the log knows.

    Raises KeyTaken where a storage was asked for one, whatever it answered, or where it was erased
    and holds no newer file. A name that the stored row has already is not looked at, unless
    `update_fields` asks for it.
    """
    fields = list(_fields(instance, update_fields, raw=raw))
    if not fields:
        return
    files = dict(_files(instance, fields))
    seen = _Seen(files=files, had_key=_has_key(instance), has_parents=_has_parents(instance, using))
    setattr(instance, _SEEN, seen)
    if not files or not entries_of(files.values()):
        return
    seen.former = names_in_database(instance, fields, using)
    asked_for = update_fields is not None
    new = [file for n, file in files.items() if asked_for or not seen.is_unchanged(n, file)]
    if not entries_of(new):
        return
    new += _extra_files(instance)  # a row that names a picture again wants its sizes as well
    seen.stored_again = stored_again(new, entries_of(new), set())
    seen.is_reserved = True
    with transaction.atomic(using=home()):
        locked = lock_entries_of(new)
        taken = [file for file in new for e in locked if file.is_of(e) and _taken(e, seen)]
        if not taken:
            reserve(locked)
    if taken:
        raise _refusal(taken[0])


def confirm_reused_keys(
    instance: models.Model,
    using: str,
    update_fields: frozenset[str] | None,
    *,
    created: bool,
    raw: bool = False,
) -> None:
    """After a row is written: see that no removal took its keys, and that none will.

    Raises KeyTaken where one was claimed since; the row is taken back then.
    """
    seen: _Seen = instance.__dict__.pop(_SEEN, None) or _Seen()
    fields = list(_fields(instance, update_fields, raw=raw))
    named = {
        name: file
        for name, file in _files(instance, fields)
        if created or not seen.is_unchanged(name, file)
    }
    if not named:
        return
    row = SavedRow.of(instance, using, named, fields, created=created, seen=seen)
    try:
        if not _is_in_transaction(using):
            confirm(row)
            return
        if using == home() and (seen.is_reserved or row.uploaded):
            confirm(row)
        if using != home() or connections[using].features.has_select_for_update:
            _look_again_after_commit(row)
    except KeyTaken:
        reset(instance, row, had_key=seen.had_key)
        raise


def confirm(row: SavedRow) -> None:
    """Decide about a written row: its pending keys are in use now, or it is taken back.

    Raises KeyTaken for the latter. What the database does not have any more is left alone.
    """
    files = row.files.values()
    if not (entries := entries_of(files)):
        return
    known = stored_again(files, entries, row.stored_again)
    with transaction.atomic(using=home()):
        locked = lock_entries_of(files)
        now = row.still_named()
        own = [(name, file, e) for name, file in now.items() for e in locked if file.is_of(e)]
        taken = {name: file for name, file, entry in own if entry.is_taken(known)}
        if taken:
            take_back(row, taken)
        else:
            keep([entry for _name, _file, entry in own], row.text)
    if taken:
        raise _refusal(next(iter(taken.values())))


class _AtCommit:
    """The rows of one transaction, looked up once more when all can see them."""

    def __init__(self) -> None:
        self.rows: list[SavedRow] = []

    def __call__(self) -> None:
        """Look them up, take back those that came too late, and raise the first KeyTaken."""
        refused: list[KeyTaken] = []
        for start in range(0, len(self.rows), ROWS_A_QUERY):
            page = self.rows[start : start + ROWS_A_QUERY]
            known = entries_of([file for row in page for file in row.files.values()])
            keys = {entry.key for entry in known}
            for row in page:
                if any(file.key in keys for file in row.files.values()):
                    try:
                        confirm(row)
                    except KeyTaken as error:
                        refused.append(error)
        if refused:
            raise refused[0]


def _look_again_after_commit(row: SavedRow) -> None:
    connection = connections[row.using]
    if not connection.in_atomic_block:
        return  # autocommit is switched off: Django takes no callbacks, the commit is not its own
    savepoints = set(connection.savepoint_ids)
    for registered in reversed(connection.run_on_commit[-NEAR_THE_END:]):
        callback: Any = registered[1]
        if isinstance(callback, _AtCommit) and registered[0] == savepoints:
            callback.rows.append(row)
            return
    at_commit = _AtCommit()
    at_commit.rows.append(row)
    transaction.on_commit(at_commit, using=row.using)


def _is_in_transaction(using: str) -> bool:
    connection = connections[using]
    return connection.in_atomic_block or not connection.get_autocommit()


def _taken(entry: Any, seen: _Seen) -> bool:
    return bool(entry.is_taken(seen.stored_again))


def _refusal(file: FileKey) -> KeyTaken:
    says = _("The file %(name)s was removed from storage, or is about to be. Add it anew.")
    return KeyTaken(says % {"name": file.name})


def _fields(
    instance: models.Model, update_fields: frozenset[str] | None, *, raw: bool
) -> Iterator[FileField]:
    """The registered file fields that are written, those of parents included: one save writes all.

    A fixture's rows are `raw`, and written table by table.
    """
    own = type(instance)._meta.concrete_model
    for each in instance._meta.concrete_fields:
        if not isinstance(each, FileField) or not registration_for(each.model):
            continue
        is_written = update_fields is None or each.name in update_fields
        if is_written and not (raw and each.model is not own):
            yield each


def _files(instance: models.Model, fields: list[FileField]) -> Iterator[tuple[str, FileKey]]:
    """The files that a row names, by field. One that is not stored yet has no name yet."""
    for each in fields:
        if isinstance(instance.__dict__.get(each.attname), DatabaseDefault):
            continue
        file = getattr(instance, each.attname)
        if not file or not getattr(file, "_committed", True):  # FieldFile has no other word for it
            continue
        alias = alias_of(instance, each)
        if is_default(file.name, default_names_on(alias)):
            continue
        if found := file_key(alias, str(file.name)):
            yield each.name, found


def _extra_files(instance: models.Model) -> list[FileKey]:
    """Return the files of a row that no field names, where they can be told before it is saved."""
    registration = registration_for(type(instance))
    if registration is None:
        return []
    try:
        found = list(extra_files(registration, [instance]))
    except Exception:  # a foreign function must not fail a save
        logger.exception("extra_files of %s failed for a row to be saved.", registration.label)
        return []
    keys = (file_key(file.storage, file.name) for file in found)
    return [key for key in keys if key]


def _has_key(instance: models.Model) -> bool:
    return _is_key(instance.pk)


def _is_key(value: Any) -> bool:
    return value is not None and not (isinstance(value, tuple) and None in value)


def _has_parents(instance: models.Model, using: str) -> bool:
    """Whether a row of a parent's table is stored already, to which this save adds its own."""
    concrete: type[models.Model] = instance._meta.concrete_model or type(instance)
    parents: list[type[models.Model]] = list(concrete._meta.parents)
    return any(
        _is_key(key := getattr(instance, parent._meta.pk.attname))
        and all_rows(parent, using).filter(pk=key).exists()
        for parent in parents
    )
