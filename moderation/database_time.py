"""The database's clock, which all stored times come from.

The machines of a site disagree: with a web server ten minutes ahead a removal would wait for ten
minutes, and a dead worker would hold its leases for as long. SQLite runs on the machine itself,
whose clock is the database's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router
from django.db.models import DateTimeField, Func, Value
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone


class DatabaseNow(Func):
    """The moment at which a statement runs, for filters and updates: costs no query.

    Not the beginning of the transaction, which may have waited for locks since.
    """

    output_field = DateTimeField()
    arity = 0

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        super().__init__()
        self.offset = offset

    def as_sql(self, compiler: SQLCompiler, connection: Any, *_: Any, **__: Any) -> Any:
        """Compile to a parameter: the machine's clock is the database's."""
        moment = Value(timezone.now() + self.offset, output_field=DateTimeField())
        return moment.as_sql(compiler, connection)

    def as_postgresql(self, _compiler: SQLCompiler, _connection: Any, **_: Any) -> Any:
        """Compile to the server's clock. STATEMENT_TIMESTAMP() is stable, so that indexes serve."""
        if not self.offset:
            return "STATEMENT_TIMESTAMP()", ()
        return "(STATEMENT_TIMESTAMP() + %s)", (self.offset,)

    def __repr__(self) -> str:
        return f"DatabaseNow({self.offset!r})"


def now(using: str | None = None) -> datetime:
    """Return the database's time: one query on PostgreSQL, none elsewhere.

    `using` is the audit log's database where none is given.
    """
    connection = connections[using or _home()]
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        found: datetime = cursor.fetchone()[0]
        return found


def difference(using: str | None = None) -> timedelta:
    """Return how far this process's clock is ahead of the database's; negative where behind.

    Exact to half of the time that the query takes.
    """
    before = timezone.now()
    there = now(using)
    return before + (timezone.now() - before) / 2 - there


def _home() -> str:
    from moderation.models import AuditEntry  # its models read the time from here

    return router.db_for_write(AuditEntry)
