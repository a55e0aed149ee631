"""What happens to a row between the moment that a deletion reads it and the one that it is deleted.

Two deletions may meet: only the one that deletes the row may record its files.

Django reads the rows of a deletion without locking them, and sends `pre_delete` for each of them,
whether or not another transaction deletes the row in between. The SQL DELETE of the one that comes
second waits for the first and then finds nothing, but its `post_delete` comes all the same. So the
rows are locked once more, a query a model, between the last `pre_delete` and the first DELETE of
such a row. Those that are gone were recorded by whoever deleted them; those that name another file
since they were read, because somebody replaced it in between, are recorded with that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections
from django.db.models import Model

from moderation.db.rows import all_rows
from moderation.registry.registration import Registration

Names = tuple[str, ...]


class BeforeDeletion:
    """Calls `look` before the first statement that deletes from one of the tables.

    It is a wrapper around the connection's statements, the only hook that Django has at that
    moment. It is the first wrapper, because Django's own `execute_wrapper()` removes the last one.
    """

    def __init__(self, using: str, look: Callable[[], object], is_over: Callable[[], bool]) -> None:
        self.tables: set[str] = set()
        self._using = using
        self._look = look
        self._is_over = is_over
        connections[using].execute_wrappers.insert(0, self)

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        """Execute a statement; call `look` before the first that deletes such rows."""
        if self._is_over():
            self.remove()
        elif isinstance(sql, str) and sql.startswith("DELETE FROM ") and self._is_one_of_ours(sql):
            self.remove()
            self._look()
        return execute(sql, params, many, context)

    def remove(self) -> None:
        """Remove this wrapper, if it is still installed."""
        wrappers = connections[self._using].execute_wrappers
        if self in wrappers:
            wrappers.remove(self)

    def _is_one_of_ours(self, sql: str) -> bool:
        quote = connections[self._using].ops.quote_name
        into = sql.removeprefix("DELETE FROM ")
        return any(into.startswith(f"{quote(table)} ") for table in self.tables)


def names_of(registration: Registration, row: Model) -> Names:
    """Return what the file columns of a row that was read hold, in the order of the fields."""
    held = row.__dict__  # without making a FieldFile of each
    return tuple(str(held[field.attname] or "") for field in registration.fields)


def lock_and_compare(
    rows: Mapping[Any, Names], registration: Registration, *, using: str
) -> tuple[set[Any], set[Any]]:
    """Lock rows of one model, given by key with the names that they were read with. One query.

    Return the keys of those that are gone, and of those that name other files than before. To be
    called in the transaction that is about to delete them.
    """
    # No manager: one that hides the row would take it for gone.
    every = all_rows(registration.model, using)
    kept = every.filter(pk__any_of=set(rows)).order_by("pk").select_for_update(of=("self",))
    columns = [field.attname for field in registration.fields]
    now = {
        key: tuple(str(n or "") for n in names) for key, *names in kept.values_list("pk", *columns)
    }
    return rows.keys() - now.keys(), {key for key, names in now.items() if names != rows.get(key)}
