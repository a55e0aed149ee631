"""The database's clock, from which all stored times come.

The clocks of a site's machines differ: if a web server's clock were ten minutes fast, a removal
would wait for ten minutes, and so would the entries that a dead worker has leased. SQLite has no
clock of its own, so the time is that of the machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.models import DateTimeField, Func, Value
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone


class DatabaseNow(Func):
    """The time at which a statement runs, for filters and updates. Needs no query of its own.

    This is not the start of the transaction, which may have waited for locks since.
    """

    output_field = DateTimeField()
    arity = 0

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        super().__init__()
        self.offset = offset

    def as_sql(self, compiler: SQLCompiler, connection: Any, *_: Any, **__: Any) -> Any:
        """Compile to a parameter with the time of this machine's clock."""
        moment = Value(timezone.now() + self.offset, output_field=DateTimeField())
        return moment.as_sql(compiler, connection)

    def as_postgresql(self, _compiler: SQLCompiler, _connection: Any, **_: Any) -> Any:
        """Compile to the server's clock. STATEMENT_TIMESTAMP() is stable, so indexes are used."""
        if not self.offset:
            return "STATEMENT_TIMESTAMP()", ()
        return "(STATEMENT_TIMESTAMP() + %s)", (self.offset,)

    def __repr__(self) -> str:
        return f"DatabaseNow({self.offset!r})"


def now(using: str | None = None) -> datetime:
    """Return the database's time. One query on PostgreSQL, none elsewhere.

    `using` defaults to the audit log's database.
    """
    connection = connections[using or _audit_log_database()]
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        current: datetime = cursor.fetchone()[0]
        return current


def difference(using: str | None = None) -> timedelta:
    """Return how far this process's clock is ahead of the database's; negative if it is behind.

    Accurate to half of the query's duration.
    """
    before = timezone.now()
    server_time = now(using)
    return before + (timezone.now() - before) / 2 - server_time


def _audit_log_database() -> str:
    # By name, because the models import this module.
    return router.db_for_write(apps.get_model("moderation", "AuditEntry"))
