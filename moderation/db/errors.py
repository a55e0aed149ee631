"""Which database errors are worth a retry.

Django maps the errors of all drivers to the classes of PEP 249. Three of them may not occur again:
`OperationalError` (a deadlock, a lock timeout, a server that shuts down or cannot be reached,
"database is locked"), `InternalError` (a transaction that the server ended, for instance because of
`idle_in_transaction_session_timeout`) and `InterfaceError` (a closed connection). The others
(`IntegrityError`, `DataError`, `ProgrammingError`, `NotSupportedError`) occur on every retry.
"""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError
from django.db.models import ProtectedError, RestrictedError

from moderation.exceptions import ModerationError

# A few of these errors are permanent (an index row that is too large is an OperationalError too),
# so callers limit the number of retries.
TRANSIENT = (OperationalError, InternalError, InterfaceError)


def reason_of(error: BaseException) -> str:
    """Return a description of an error for people who do not see its traceback.

    For errors whose message is not a sentence, it includes the class: the message alone may be as
    short as "13".
    """
    if isinstance(error, ProtectedError | RestrictedError):
        return str(error.args[0])
    if isinstance(error, ModerationError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
