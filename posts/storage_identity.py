"""Make sure that files are stored only in storages whose identity was verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from django.apps import apps

from moderation.recording.upload_identity import verified_for_upload, verify_for_upload
from moderation.registry import storage_aliases
from moderation.storage import WrongStorage

__all__ = [
    "WrongStorage",
    "capture_storage_problem",
    "refuse_wrong_storage",
    "verified_storages",
    "verify_storages",
]

_problem: ContextVar[str] = ContextVar("why a form's files cannot be stored", default="")


def verified_storages() -> AbstractContextManager[None]:
    """Return a context in which files may be stored. Entering it may raise WrongStorage."""
    return verified_for_upload(*_aliases())


def verify_storages() -> None:
    """Raise WrongStorage if files cannot be stored. Call this before long work."""
    for alias in _aliases():
        verify_for_upload(alias)


@contextmanager
def capture_storage_problem(*, files: bool) -> Iterator[None]:
    """Verify the storages before a form with files begins its transaction.

    A wrong storage raises nothing here. Inside the block, `refuse_wrong_storage()` raises
    WrongStorage, so that the form can report it as an error of its files alone.
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
    """Raise WrongStorage if `capture_storage_problem()` has found a wrong storage."""
    if problem := _problem.get():
        raise WrongStorage(problem)


def _aliases() -> list[str]:
    return sorted(storage_aliases(apps.get_app_config("posts").get_models()))
