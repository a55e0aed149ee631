"""Make sure that pictures are stored only in storages with the expected identity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from moderation.recording.upload_identity import aliases_of, verified_for_upload, verify_for_upload
from moderation.registry import own_file_fields
from moderation.storage import WrongStorage
from posts.models import PostImage

__all__ = [
    "WrongStorage",
    "refuse_wrong_storage",
    "storage_problem_shown",
    "verified_storages",
    "verify_storages",
]

_problem: ContextVar[str] = ContextVar("the reason to refuse a form's files", default="")


def verified_storages() -> AbstractContextManager[None]:
    """Return a context in which pictures may be stored. Entering it may raise WrongStorage."""
    return verified_for_upload(*_aliases())


def verify_storages() -> None:
    """Raise WrongStorage if pictures cannot be stored. Call this before long work."""
    for alias in _aliases():
        verify_for_upload(alias)


@contextmanager
def storage_problem_shown(*, files: bool) -> Iterator[None]:
    """Verify the storages before a form with files begins its transaction.

    For a wrong storage, `refuse_wrong_storage()` refuses the files but no other field.
    """
    problem = ""
    try:
        if files:
            verify_storages()
    except WrongStorage as wrong:
        problem = str(wrong)
    token = _problem.set(problem)
    try:
        yield
    finally:
        _problem.reset(token)


def refuse_wrong_storage() -> None:
    """Raise WrongStorage if this form's files cannot be stored."""
    if problem := _problem.get():
        raise WrongStorage(problem)


def _aliases() -> list[str]:
    return sorted(aliases_of(*own_file_fields(PostImage)))
