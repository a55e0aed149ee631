"""Concurrent deletions of one row: only the one that really deletes it may record its files.

Django reads the rows of a deletion without locking them, and sends `pre_delete` for each of them
even if another transaction deletes the row in between. The second SQL DELETE waits for the first
and then finds nothing, but its `post_delete` is sent all the same. So the rows are locked between
the last `pre_delete` and the first DELETE, with one query for each model. Whoever deleted the
missing rows has recorded them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from moderation.files import StoredFile
from moderation.registry import registration_by_label


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


def gone_among(files: Iterable[StoredFile], *, using: str) -> set[StoredFile]:
    """Lock the rows that own these files; return the files of rows that no longer exist.

    Call this in the transaction that is about to delete them. One query for each model.
    """
    owned: dict[str, dict[Any, list[StoredFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        owned[file.label][file.key].append(file)
    gone: set[StoredFile] = set()
    for label, by_key in sorted(owned.items()):
        model: Any = registration_by_label(label).model
        # No manager: a row that it hides would count as deleted.
        every: QuerySet[Any] = QuerySet(model, using=using)
        rows = every.filter(pk__any_of=set(by_key)).order_by("pk")
        there = set(rows.select_for_update(of=("self",)).values_list("pk", flat=True))
        for key in by_key.keys() - there:
            gone.update(by_key[key])
    return gone
