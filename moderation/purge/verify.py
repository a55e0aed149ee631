"""Looking again, after the deed: is what was erased really gone?

"Deleted" proves nothing: S3 answers it for keys that never existed. Adapters that look at once say
so, and their entries have the time already; the others are looked at here, when there is leisure.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.utils import timezone

from moderation import conf
from moderation.models import AuditEntry
from moderation.models.audit import EntryState
from moderation.storage import WrongStorage, adapter_for, prove
from moderation.storage.guard import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Stored in the entry as it stands here, where a look afterwards finds the key.
THERE_AGAIN = "a later look found the key in storage: written again, or never gone"


def verify_batch() -> bool:
    """Look for one batch of erased keys and note when they were seen to be gone.

    Gives whether something was noted. An entry whose key is there says so in its remark, since its
    state is final. A storage that is not the right one, or does not answer, is asked again later.
    """
    refuse_inside_transaction()
    unverified = AuditEntry.objects.filter(state=EntryState.ERASED, verified_at=None)
    oldest = unverified.order_by("erased_at").values_list("storage", "identity")
    while first := oldest.first():
        storage, identity = first
        same = unverified.filter(storage=storage, identity=identity).order_by("erased_at")
        if _verify(storage, identity, dict(same.values_list("pk", "name")[: conf.batch_keys()])):
            return True
        oldest = oldest.exclude(storage=storage, identity=identity)
    return False


def _verify(storage: str, identity: UUID | None, names: dict[int, str]) -> bool:
    """Look for keys of one storage, named by their entries; gives whether it could be told."""
    try:
        prove(storage, identity)
        gone = adapter_for(storage).verify(sorted(set(names.values())))
    except WrongStorage as wrong:
        logger.warning("Nothing is verified in storage %s: %s", storage, wrong)
        return False
    except Exception:  # any storage library, any error: nothing was learnt, and nothing is noted
        logger.exception("Storage %s did not say what it holds.", storage)
        return False
    entries = AuditEntry.objects.filter(verified_at=None)
    there = [pk for pk, name in names.items() if not gone[name]]
    entries.filter(pk__any_of=there).update(verified_at=timezone.now(), remark=THERE_AGAIN)
    entries.filter(pk__any_of=names.keys() - set(there)).update(verified_at=timezone.now())
    return True
