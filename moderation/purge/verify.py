"""Looking again, after the deed: is what was erased really gone?

"Deleted" proves nothing: S3 answers it for keys that never existed. Adapters that look at once say
so, and their entries have the time already; the others are looked at here, when there is leisure.
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
from moderation.storage import WrongStorage, adapter_for, verify_identity
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# A storage that cannot be looked into is asked again after this time: it may never allow a listing.
PAUSE = timedelta(minutes=10)


def verify_erased_files() -> bool:
    """Look for one batch of erased keys and note when they were seen to be gone.

    Gives whether something was noted. An entry whose key is there says so in its detail, since its
    state is final. A storage that is not the right one, or does not say, is asked again after
    `PAUSE`; until then its mark says why.
    """
    refuse_inside_transaction()
    marks = StorageIdentity.objects.exclude(verify_at__gt=DatabaseNow())
    return any(_verify(mark) for mark in marks.order_by("alias"))


def _verify(mark: StorageIdentity) -> bool:
    """Look for a batch of keys of one storage; return whether something was noted."""
    unverified = AuditEntry.objects.unverified().in_storage(mark.alias, mark.identity)
    oldest = unverified.order_by("erased_at").values_list("pk", "name")
    if not (names := dict(oldest[: conf.request_keys()])):
        return False
    try:
        verify_identity(mark.alias, mark.identity)
        gone = adapter_for(mark.alias).verify(sorted(set(names.values())))
        verify_identity(
            mark.alias, mark.identity
        )  # a key that is missing in another storage proves nothing
    except Exception as error:  # noqa: BLE001 - any storage's error: nothing was learnt of the keys
        _leave_alone(mark, error)
        return False
    if mark.verify_at or mark.problem:
        clear_problem(mark.alias, unverifiable=True)
    entries = AuditEntry.objects.filter(verified_at=None)
    there = [pk for pk, name in names.items() if not gone[name]]
    entries.filter(pk__any_of=there).update(verified_at=DatabaseNow(), detail=FOUND_AGAIN)
    entries.filter(pk__any_of=names.keys() - set(there)).update(verified_at=DatabaseNow())
    return True


def _leave_alone(mark: StorageIdentity, error: Exception) -> None:
    """Ask a storage nothing for a while; where its error came from is logged the first time."""
    words = clean(f"{type(error).__name__}: {error}")
    trace = words != mark.unverifiable and not isinstance(error, WrongStorage)
    logger.warning("Nothing is verified in storage %s. %s", mark.alias, words, exc_info=trace)
    StorageIdentity.objects.filter(pk=mark.pk).update(
        unverifiable=words, verify_at=DatabaseNow(PAUSE)
    )
