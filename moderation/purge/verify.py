"""Verify that erased keys are absent from storage.

A reported deletion is not sufficient: S3 reports it for keys that never existed too. Some adapters
verify each key right after erasing it, so that its entry already has `verified_at`. All other keys
are verified here, when there is no other work.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import FOUND_AGAIN
from moderation.purge.storage_problems import clear_problem
from moderation.redaction import clean
from moderation.storage import WrongStorage, opened_adapter, verify_identity
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# How long a storage that cannot be searched is not searched again. It may never allow a listing.
PAUSE = timedelta(minutes=10)


def verify_erased_files() -> bool:
    """Check one page of erased keys, and record when they were absent.

    Return whether something was recorded. If a key exists, the detail of its entry says so, since
    its state is final. A storage that is not the right one, or raises an error, is checked again
    after `PAUSE`; until then its StorageIdentity says why. Raises RuntimeError inside a
    transaction.
    """
    refuse_inside_transaction()
    storages = StorageIdentity.objects.exclude(verify_at__gt=DatabaseNow())
    return any(_verify(storage) for storage in storages.order_by("alias"))


def _verify(storage: StorageIdentity) -> bool:
    """Check a page of erased keys of one storage; return whether something was recorded."""
    unverified = AuditEntry.objects.unverified().in_storage(storage.alias, storage.identity)
    oldest = unverified.order_by("erased_at").values_list("pk", "name")
    if not (names := dict(oldest[: conf.request_keys()])):
        return False
    try:
        absent = _absent(storage, sorted(set(names.values())))
    except Exception as error:  # noqa: BLE001 - any storage's error; it says nothing about the keys
        _pause(storage, error)
        return False
    if storage.verify_at or storage.problem:
        clear_problem(storage.alias, unverifiable=True)
    entries = AuditEntry.objects.filter(verified_at=None)
    found = [pk for pk, name in names.items() if not absent[name]]
    entries.filter(pk__any_of=found).update(verified_at=DatabaseNow(), detail=FOUND_AGAIN)
    entries.filter(pk__any_of=names.keys() - set(found)).update(verified_at=DatabaseNow())
    return True


def _absent(storage: StorageIdentity, names: list[str]) -> dict[str, bool]:
    """Return whether each key is absent from the storage, which is verified before and after.

    A key that is missing from another storage may still exist in the right one.
    """
    with opened_adapter(storage.alias) as adapter:
        verify_identity(storage.alias, storage.identity, adapter)
        absent = adapter.verify(names)
        verify_identity(storage.alias, storage.identity, adapter)
    return absent


def _pause(storage: StorageIdentity, error: Exception) -> None:
    """Do not verify keys of a storage for a while; log the traceback of a new error."""
    message = clean(f"{type(error).__name__}: {error}")
    trace = message != storage.unverifiable and not isinstance(error, WrongStorage)
    logger.warning("Nothing is verified in storage %s. %s", storage.alias, message, exc_info=trace)
    StorageIdentity.objects.filter(pk=storage.pk).update(
        unverifiable=message, verify_at=DatabaseNow(PAUSE)
    )
