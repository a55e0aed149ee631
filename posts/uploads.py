"""The transaction around uploads: a file whose row was not kept does not stay behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.files import File
from django.core.files.storage import Storage
from django.db import router, transaction
from django.db.models import Q

from posts.models import PostImage

# How many names one query may ask about: SQLite's oldest limit of 999 parameters, twice used.
NAMES_A_QUERY = 400

_Stored = list[tuple[Storage, str]]
_stored: ContextVar[_Stored | None] = ContextVar("stored uploads", default=None)


class UploadsMissingError(RuntimeError):
    """A file was to be stored outside `uploads()`: nobody would remove it after a rollback."""


@contextmanager
def uploads() -> Iterator[None]:
    """A transaction that may store files; it removes those that no row names when it is over.

    However it ends (commit, error, `set_rollback`, a savepoint rolled back within), the database is
    asked afterwards which files have a row; the others are deleted through their storage. May be
    nested: the outermost one cleans up. Raises RuntimeError inside any other transaction, whose
    later rollback it could not see.
    """
    using = router.db_for_write(PostImage)
    if _stored.get() is not None:
        with transaction.atomic(using=using):
            yield
        return
    stored: _Stored = []
    token = _stored.set(stored)
    try:
        with transaction.atomic(using=using, durable=True):
            yield
    finally:
        _stored.reset(token)
        _delete_unused(stored, using)


def put(storage: Storage, key: str, content: File[Any]) -> str:
    """Store `content` under a fresh key and give the name that the storage chose.

    Raises UploadsMissingError outside `uploads()`, and what the storage raises.
    """
    stored = _stored.get()
    if stored is None:
        raise UploadsMissingError(
            "Store pictures inside `with uploads():`, so that a rollback is seen."
        )
    stored.append((storage, key))  # first: a save that breaks off may leave half a file
    name = storage.save(key, content)
    if name != key:
        stored[-1] = (storage, name)
    return name


def _delete_unused(stored: _Stored, using: str) -> None:
    """Delete the files without a row; one that fails does not save the others from it."""
    used = _used_names([name for _, name in stored], using)
    with ExitStack() as deletions:
        for storage, name in stored:
            if name not in used:
                deletions.callback(storage.delete, name)


def _used_names(names: Sequence[str], using: str) -> set[str]:
    used: set[str] = set()
    rows = PostImage.objects.using(using)
    for start in range(0, len(names), NAMES_A_QUERY):
        some = names[start : start + NAMES_A_QUERY]
        found = rows.filter(Q(image__in=some) | Q(thumbnail__in=some))
        for pair in found.values_list("image", "thumbnail"):
            used.update(pair)
    return used
