"""Record what is wrong with a storage in its StorageIdentity, for the pages and `purge --check`.

A problem is cleared as soon as the storage is verified.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from moderation.db.server_time import DatabaseNow
from moderation.models import StorageIdentity
from moderation.redaction import clean
from moderation.storage import WrongStorage, verify_identity

# A storage with a wrong identity is verified again after this time.
STORAGE_RETRY = timedelta(minutes=1)
# How `unverifiable` begins if the storage itself could not be verified.
WRONG_IDENTITY = WrongStorage.__name__


def record_problem(alias: str, problem: str) -> None:
    """Record what is wrong with a storage, and when this was first seen."""
    identities = StorageIdentity.objects.filter(alias=alias).exclude(problem=clean(problem))
    identities.update(problem=clean(problem), problem_at=DatabaseNow())


def clear_problem(alias: str, *, unverifiable: bool = False) -> None:
    """Clear the problem of a storage that was just verified.

    With `unverifiable`, erased keys were checked as well. Otherwise an error of that check stays
    recorded, unless it was due to the identity.
    """
    identities = StorageIdentity.objects.filter(alias=alias)
    if not identities.exclude(problem="", verify_at=None).exists():
        return  # nearly always
    identities.exclude(problem="").update(problem="", problem_at=None)
    resolved = Q() if unverifiable else Q(unverifiable__startswith=WRONG_IDENTITY)
    identities.filter(resolved, verify_at__isnull=False).update(unverifiable="", verify_at=None)


def recheck_problems() -> None:
    """Verify storages with an old problem again, in case no due entry causes it."""
    for known in StorageIdentity.objects.exclude(problem="").filter(
        problem_at__lt=DatabaseNow(-STORAGE_RETRY)
    ):
        try:
            verify_identity(known.alias, known.identity)
        except WrongStorage as wrong:
            StorageIdentity.objects.filter(pk=known.pk).update(
                problem=clean(str(wrong)), problem_at=DatabaseNow()
            )
        else:
            clear_problem(known.alias)
