"""Display the errors of the domain to users. No other module of the admin does."""

from __future__ import annotations

from types import TracebackType

from django.contrib import messages
from django.http import HttpRequest

from moderation.exceptions import ModerationError


def message_of(error: ModerationError) -> str:
    """Return the message of an error: the reason, and what the user can do."""
    return str(error)


class errors_as_messages:  # noqa: N801 - used as a statement: `with errors_as_messages(request):`
    """A context manager that suppresses a ModerationError and displays its message."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Suppress a ModerationError and add its message; let all other exceptions propagate."""
        if not isinstance(error, ModerationError):
            return False
        messages.error(self.request, message_of(error))
        return True
