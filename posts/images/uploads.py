"""The transaction around uploads: a file whose row was not kept does not stay behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from django.core.files import File
from django.core.files.storage import Storage
from django.db import router, transaction
from django.db.models import Q

from posts.models import PostImage
from posts.storage_identity import verified_storages

# How many names one query may ask about: SQLite's oldest limit of 999 parameters, twice used.
NAMES_A_QUERY = 400

# A storage across the network keeps one upload waiting for most of its time.
UPLOADS_AT_ONCE = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
_Stored = list[tuple[Storage, str]]
_stored: ContextVar[_Stored | None] = ContextVar("stored uploads", default=None)


class UploadsMissingError(RuntimeError):
    """A file was to be stored outside `uploads()`: nobody would remove it after a rollback."""


@contextmanager
def uploads(*, verify: bool = True) -> Iterator[None]:
    """Run a transaction that may store files; delete files without a row when it ends.

    The identity of the storages is verified first, unless `verify` is false because the caller did
    so or will store nothing. Raises WrongStorage.

    However it ends (commit, error, `set_rollback`, a savepoint that was rolled back), the database
    is queried for the files that have a row; the others are deleted through their storage. Blocks
    may be nested; the outermost one cleans up. Raises RuntimeError inside any other transaction,
    whose later rollback it could not detect.
    """
    using = router.db_for_write(PostImage)
    if _stored.get() is not None:
        with transaction.atomic(using=using):
            yield
        return
    with verified_storages() if verify else nullcontext():
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
        stored.append((storage, name))
    return name


def side_by_side(store: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call `store` for each item, several at once, inside this block of `uploads()`.

    Gives the results in the order of the items. Raises the first error, once all that had begun are
    over: what they stored is known by then, and is removed with the rest. `store` may not use the
    database, whose transaction belongs to this thread.
    """
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        started = [pool.submit(copy_context().run, store, item) for item in items]
        try:
            return [each.result() for each in started]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


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
