"""Verify the identity of a storage before a file is stored in it.

Otherwise a copy of the production database, or a wrong environment variable, would let staging
write to the production storage, and uploads to an unmounted disk would be lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.storage import Storage, storages
from django.db import models, router, transaction
from django.db.models import FileField
from django.utils.translation import gettext as _

from moderation.models import AuditEntry, StorageIdentity
from moderation.registry import alias_of, own_file_fields
from moderation.storage.identity import WrongStorage, environment, verify_identity

# How many seconds all uploads of a process trust one check of the identity file.
TRUSTED_FOR = 60.0

_WRAPPED = "_moderation_verifies_storage"
_lock = threading.Lock()
# By alias: the verified storage, the environment, and the time of the check (monotonic clock).
_verified: dict[str, tuple[Storage, str, float]] = {}
# By alias: the thread that verified the storage for all uploads of a block.
_verified_here: ContextVar[Mapping[str, int]] = ContextVar(
    "verified storages", default=MappingProxyType({})
)


def verify_for_upload(alias: str) -> None:
    """Raise WrongStorage unless the storage has the identity that is stored in the database.

    The message states what differs and what to do. Each process reads the identity file at most
    once a minute.
    """
    storage = storages[alias]
    if alias in _verified_here.get() or _is_trusted(alias, storage):
        return
    known = StorageIdentity.objects.filter(alias=alias).first()
    try:
        _verify_identity(alias, known.identity if known else None)
    except WrongStorage as wrong:
        message = _("Nothing can be stored: %(problem)s")
        raise WrongStorage(message % {"problem": wrong}) from wrong
    with _lock:
        _verified[alias] = (storage, environment(), time.monotonic())


@contextmanager
def verified_for_upload(*aliases: str) -> Iterator[None]:
    """Verify storages once for all uploads in the block, including threads that copy its context.

    Raises WrongStorage if one of them has another identity.
    """
    for alias in aliases:
        verify_for_upload(alias)
    verified = {**dict.fromkeys(aliases, threading.get_ident()), **_verified_here.get()}
    token = _verified_here.set(verified)
    try:
        yield
    finally:
        _verified_here.reset(token)


def stores_for_another_thread(alias: str) -> bool:
    """Return whether another thread verified the storage, in a block whose context this one copied.

    That thread saves the rows of the files that this one stores.
    """
    this = threading.get_ident()
    return _verified_here.get().get(alias, this) != this


def forget_verified_storages() -> None:
    """Make the next uploads read the identity files again."""
    with _lock:
        _verified.clear()


def verify_uploads_of(model: type[models.Model]) -> None:
    """Make the file fields of a model verify their storage before they store a file."""
    for field in own_file_fields(model):
        if _WRAPPED not in vars(field):
            _wrap(field)


def _wrap(field: FileField) -> None:
    """Wrap two methods of this field.

    Every way of storing a file calls `generate_filename` first. A form calls `clean` before that,
    and can display the error.
    """
    generate, clean = field.generate_filename, field.clean

    def generate_filename(instance: models.Model, filename: str) -> str:
        _verify(field, instance)
        return str(generate(instance, filename))

    def clean_field(value: Any, instance: models.Model | None) -> Any:
        value = clean(value, instance)
        if instance is not None and value and not getattr(value, "_committed", True):
            _verify_in_form(field, instance)
        return value

    vars(field).update(
        {_WRAPPED: True, "generate_filename": generate_filename, "clean": clean_field}
    )


def _verify(field: FileField, row: models.Model) -> None:
    with suppress(ImproperlyConfigured):  # no alias, see `storage_aliases`
        verify_for_upload(alias_of(row, field))


def _verify_in_form(field: FileField, row: models.Model) -> None:
    try:
        _verify(field, row)
    except WrongStorage as wrong:
        raise ValidationError(str(wrong), code="storage") from wrong


def _is_trusted(alias: str, storage: Storage) -> bool:
    with _lock:
        found = _verified.get(alias)
    if found is None:
        return False
    verified, name, at = found
    fresh = time.monotonic() - at < TRUSTED_FOR
    return fresh and verified is storage and name == environment()


def _verify_identity(alias: str, identity: Any) -> None:
    """Raise WrongStorage unless the storage has this identity.

    A form uploads inside the admin's transaction, where calls to a storage are refused. In this
    case, a separate thread reads the identity file.
    """
    if not transaction.get_connection(router.db_for_write(AuditEntry)).in_atomic_block:
        verify_identity(alias, identity)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(verify_identity, alias, identity).result()
