"""The one place where what the domain refuses becomes words on a page."""

from __future__ import annotations

from types import TracebackType

from django.contrib import messages
from django.http import HttpRequest

from moderation.exceptions import ModerationError


def words_of(refusal: ModerationError) -> str:
    """Return the message for a refusal: why, and what to do."""
    return str(refusal)


class refusals_told:  # noqa: N801 - used as a statement: `with refusals_told(request):`
    """Do what the domain may refuse; a refusal ends the block and is told on the next page."""

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
        """Turn a ModerationError into a message; all other errors go on."""
        if not isinstance(error, ModerationError):
            return False
        messages.error(self.request, words_of(error))
        return True
