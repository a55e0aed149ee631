"""The transaction around uploads: when it ends, files without a row are deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from django.apps import apps
from django.core.files import File
from django.core.files.storage import Storage
from django.db import router, transaction

from moderation.db.rows import all_rows
from moderation.registry import own_file_fields
from posts.models import PostImage
from posts.storage_identity import verified_storages

# With a storage across the network, an upload spends most of its time waiting.
PARALLEL_UPLOADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
_StoredFiles = list[tuple[Storage, str]]
_stored: ContextVar[_StoredFiles | None] = ContextVar("stored uploads", default=None)


class UploadsMissingError(RuntimeError):
    """Raised on storing a file outside `uploads()`: nothing would delete it after a rollback."""


@contextmanager
def uploads(*, verify: bool = True) -> Iterator[None]:
    """Run a transaction that may store files; delete files without a row when it ends.

    The identity of the storages is verified first, unless `verify` is false because the caller has
    done so or will store nothing. Raises WrongStorage.

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
        stored: _StoredFiles = []
        token = _stored.set(stored)
        try:
            with transaction.atomic(using=using, durable=True):
                yield
        finally:
            _stored.reset(token)
            _delete_unused(stored, using)


def put(storage: Storage, key: str, content: File[Any]) -> str:
    """Store `content` under a fresh key and return the name that the storage chose.

    Raises UploadsMissingError outside `uploads()`, and what the storage raises.
    """
    stored = _stored.get()
    if stored is None:
        raise UploadsMissingError(
            "Store files inside `with uploads():`, so that a rollback is detected."
        )
    stored.append((storage, key))  # first: an interrupted save may leave a partial file
    name = storage.save(key, content)
    if name != key:
        stored.append((storage, name))
    return name


def in_parallel(store: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call `store` for each item, several in parallel, inside this block of `uploads()`.

    Return the results in the order of the items. Raises the first error, but only after all calls
    that had started have ended, so that the files they stored are known and deleted. `store` must
    not use the database, whose transaction belongs to this thread.
    """
    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        futures = [pool.submit(copy_context().run, store, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _delete_unused(stored: _StoredFiles, using: str) -> None:
    """Delete the files without a row. Try all of them, even if some deletions fail."""
    used = _used_names([name for _, name in stored], using)
    with ExitStack() as deletions:
        for storage, name in stored:
            if name not in used:
                deletions.callback(storage.delete, name)


def _used_names(names: Sequence[str], using: str) -> set[str]:
    """Return which of the names are used in a file field of the app `posts`."""
    used: set[str] = set()
    for model in apps.get_app_config("posts").get_models():
        for field in own_file_fields(model):
            rows = all_rows(model, using).filter(**{f"{field.name}__any_of": set(names)})
            used.update(rows.values_list(field.name, flat=True))
    return used
