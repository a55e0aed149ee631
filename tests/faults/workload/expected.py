"""The errors that a user can expect when others remove their rows; any other one is a breach."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, DataError, IntegrityError, InternalError, ProgrammingError

from moderation.exceptions import KeyTaken


class InVainError(Exception):
    """Raised to roll back on purpose, or to give up an action."""


class ExpectedFailures(AbstractContextManager[None]):
    """Passes expected errors to `then`, and lets the others through.

    KeyTaken is expected only with `reuses_key`: for a row that names a file which may have been
    removed. An upload must not raise it.
    """

    def __init__(
        self,
        then: Callable[[Exception], object] = lambda _error: None,
        *,
        reuses_key: bool = False,
    ) -> None:
        self._then = then
        self._reuses_key = reuses_key

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Exception) and self._is_expected(error):
            self._then(error)
            return True
        return False

    def _is_expected(self, error: Exception) -> bool:
        if isinstance(error, KeyTaken):
            return self._reuses_key
        if isinstance(error, IntegrityError):
            return "foreign key" in str(error).lower()  # the parent is gone
        if isinstance(error, (ProgrammingError, DataError, InternalError)):
            return False
        return isinstance(error, (DatabaseError, ObjectDoesNotExist, InVainError))
