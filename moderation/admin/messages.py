"""Display the errors of the domain to users. The pages do this in no other place."""

from __future__ import annotations

from types import TracebackType

from django.contrib import messages
from django.http import HttpRequest

from moderation.exceptions import ModerationError


def message_of(error: ModerationError) -> str:
    """Return the message of an error: the reason, and what the user can do."""
    return str(error)


class errors_as_messages:  # noqa: N801 - used as a statement: `with errors_as_messages(request):`
    """End the block at a ModerationError, and display its message on the next page."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Add the message of a ModerationError; let all other exceptions propagate."""
        if not isinstance(error, ModerationError):
            return False
        messages.error(self.request, message_of(error))
        return True
