"""Act right before a row is deleted or changed, where Django has no hook.

Two deletions may overlap, and only the one that deletes a row may record its files.

Django reads the rows of a deletion without locking them and sends `pre_delete` for each of them,
even if another transaction deletes the row in between. The SQL DELETE of the second transaction
waits for the first and then finds nothing, but Django still sends its `post_delete`. So the rows
are locked between the last `pre_delete` and the first DELETE of such a row, with one query per
model. Rows that no longer exist were recorded by the transaction that deleted them. Rows whose file
was replaced since they were read are recorded with the new file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections
from django.db.models import Model

from moderation.db.rows import all_rows
from moderation.registry.registration import Registration

Names = tuple[str, ...]


class BeforeStatement:
    """An execute wrapper that calls `callback` before the first statement that changes `tables`.

    `verb` is "DELETE FROM" or "UPDATE". Django has no other hook at this point. This wrapper is
    inserted before all others of the connection, because Django's own `execute_wrapper()` removes
    the last one.
    """

    def __init__(
        self, verb: str, using: str, callback: Callable[[], object], is_obsolete: Callable[[], bool]
    ) -> None:
        self.tables: set[str] = set()
        self._verb = verb
        self._using = using
        self._callback = callback
        self._is_obsolete = is_obsolete
        connections[using].execute_wrappers.insert(0, self)

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        """Execute a statement, and call `callback` before the first that changes the tables."""
        if self._is_obsolete():
            self.remove()
        elif isinstance(sql, str) and self._changes_a_table(sql):
            self.remove()
            self._callback()
        return execute(sql, params, many, context)

    def remove(self) -> None:
        """Remove this wrapper, if it is still installed."""
        wrappers = connections[self._using].execute_wrappers
        if self in wrappers:
            wrappers.remove(self)

    def _changes_a_table(self, sql: str) -> bool:
        quote = connections[self._using].ops.quote_name
        return any(sql.startswith(f"{self._verb} {quote(table)} ") for table in self.tables)


def is_in_transaction(using: str) -> bool:
    """Return whether rows that are locked now stay locked, since no statement commits by itself."""
    connection = connections[using]
    return connection.in_atomic_block or not connection.get_autocommit()


def names_of(registration: Registration, row: Model) -> Names:
    """Return the names in the file columns of a row as it was read, in the order of the fields."""
    values = row.__dict__  # without creating a FieldFile for each
    return tuple(str(values[field.attname] or "") for field in registration.fields)


def lock_and_compare(
    rows: Mapping[Any, Names], registration: Registration, *, using: str
) -> tuple[set[Any], set[Any]]:
    """Lock rows of one model, with one query, and return the keys of those that changed.

    `rows` contains the names with which each row was read, by key. The first set contains the keys
    of the rows that no longer exist, the second those of the rows that name other files than
    before. Call this in the transaction that is about to delete the rows.
    """
    # Not a manager: a row that it hides would count as deleted.
    every = all_rows(registration.model, using)
    locked = every.filter(pk__any_of=set(rows)).order_by("pk").select_for_update(of=("self",))
    columns = [field.attname for field in registration.fields]
    now = {
        key: tuple(str(n or "") for n in names)
        for key, *names in locked.values_list("pk", *columns)
    }
    return rows.keys() - now.keys(), {key for key, names in now.items() if names != rows.get(key)}
