"""What an error of the database means, decided in one place: try again, or give up at once.

Django sorts the errors of all drivers into the classes of PEP 249. Three of them speak of the
moment rather than of the statement: `OperationalError` (a deadlock, a lock that was waited for too
long, a server that went away or shuts down, "database is locked"), `InternalError` (a transaction
that the server ended, such as by `idle_in_transaction_session_timeout`) and `InterfaceError` (a
connection that is gone). The others (`IntegrityError`, `DataError`, `ProgrammingError`,
`NotSupportedError`) come again however often one tries.
"""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError
from django.db.models import ProtectedError, RestrictedError

from moderation.errors import ModerationError

# Worth another try. A few of them never pass (an index row that is too large is an
# OperationalError too), so whoever tries again counts how often.
TRANSIENT = (OperationalError, InternalError, InterfaceError)


def reason_of(error: BaseException) -> str:
    """Say in words what an error was: for people who see neither its class nor its traceback.

    The first argument alone is no reason: of a PermissionError it is the number 13.
    """
    if isinstance(error, ProtectedError | RestrictedError):
        return str(error.args[0])
    if isinstance(error, ModerationError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
