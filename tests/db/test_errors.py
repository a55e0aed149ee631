"""Errors are described for people, and told apart by whether another attempt makes sense."""

from __future__ import annotations

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from django.db.models import ProtectedError, RestrictedError

from moderation import exceptions
from moderation.db.errors import TRANSIENT, reason_of
from moderation.exceptions import ModerationError, TooManyRows


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("not this one"), "ValueError: not this one"),
        (ValueError(), "ValueError"),
        (PermissionError(13, "Permission denied"), "PermissionError: [Errno 13] Permission denied"),
        (KeyError("name"), "KeyError: 'name'"),
        (OperationalError("deadlock detected"), "OperationalError: deadlock detected"),
        (ProtectedError("A loan refers to it.", set()), "A loan refers to it."),
        (RestrictedError("A song refers to it.", set()), "A song refers to it."),
        (TooManyRows("More than 5 rows."), "More than 5 rows."),
        (TooManyRows(), "TooManyRows"),
        (ValueError("ends with: "), "ValueError: ends with"),
    ],
    ids=repr,
)
def test_reason_names_what_happened(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("error", "is_transient"),
    [
        (OperationalError, True), (InternalError, True), (InterfaceError, True),
        (IntegrityError, False), (DataError, False), (ProgrammingError, False),
        (NotSupportedError, False), (DatabaseError, False), (ModerationError, False),
    ],
)  # fmt: skip
def test_only_errors_of_the_moment_are_worth_another_attempt(
    error: type[Exception], is_transient: bool
) -> None:
    assert issubclass(error, TRANSIENT) is is_transient


def test_every_error_of_the_app_is_a_moderation_error_with_a_sentence() -> None:
    """`moderation.admin.messages` shows them; any other class would be an error page."""
    own = [each for each in vars(exceptions).values() if isinstance(each, type)]
    assert len(own) > 5
    assert all(issubclass(each, ModerationError) for each in own)
    assert [each for each in own if not (each.__doc__ or "").strip().endswith(".")] == []
