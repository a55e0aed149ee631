"""Write the outcomes that a storage returned into the audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.lifecycle import entries as lifecycle
from moderation.models import AuditEntry
from moderation.models.querysets import AuditEntryQuerySet
from moderation.purge.queue import Claimed, StorageRef, ended_lease
from moderation.redaction import clean
from moderation.storage import Outcome, Result
from moderation.storage.base import ERASED_EARLIER, WAS_MISSING

# The pause after the first failure, doubled with each further one, and the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)
MAX_DOUBLINGS = 11  # enough to exceed the longest pause
# The pause after a request failed as a whole, which does not count as an attempt for its keys.
PAUSE_AFTER_REQUEST = timedelta(seconds=2)

# An outcome, and the claimed entries of its name.
Answered = tuple[Outcome, Sequence[Claimed]]


def write_outcomes(
    ref: StorageRef, answered: Sequence[Answered], leases: Collection[datetime]
) -> set[int]:
    """Write outcomes into the claimed entries; return the affected removals.

    `leases` are the worker's own. An entry with another lease was taken over by another worker. It
    does not change, and neither do the entries of its key that this worker has not leased. If a key
    is erased, its failed entries and the entries that existed when it was claimed are erased too,
    but not an entry that was recorded later: its file may be newer.
    """
    groups: dict[tuple[Any, ...], tuple[Outcome, list[Claimed]]] = {}
    for reported, claimed in answered:
        outcome = _with_history(reported, claimed)
        groups.setdefault(_without_name(outcome), (outcome, []))[1].extend(claimed)
    with transaction.atomic():
        for outcome, entries in groups.values():
            _write_group(ref, outcome, entries, leases)
    removals = {entry.removal for _, claimed in answered for entry in claimed}
    return {removal for removal in removals if removal is not None}


def record_versions(versions: Mapping[int, Sequence[str]], leases: Collection[datetime]) -> bool:
    """Record by entry which versions are about to be deleted, so that a retry deletes no others.

    Return whether all the entries still have one of the leases.
    """
    ours = AuditEntry.objects.with_lease(leases)
    changed = [AuditEntry(pk=pk, versions=list(ids)) for pk, ids in versions.items()]
    return ours.bulk_update(changed, ["versions"]) == len(changed)


def _with_history(outcome: Outcome, claimed: Sequence[Claimed]) -> Outcome:
    """Return the outcome, corrected if an earlier attempt may have erased the file.

    If the file is missing, that attempt erased it. After a failure, it may still be erased.
    """
    if not any(entry.may_be_erased for entry in claimed):
        return outcome
    detail = ERASED_EARLIER if outcome.detail == WAS_MISSING else outcome.detail
    return replace(outcome, detail=detail, unsure=outcome.result is Result.FAILED)


def _without_name(outcome: Outcome) -> tuple[Any, ...]:
    """Return a key for grouping: equal outcomes of many names are written with one UPDATE."""
    return (outcome.result, outcome.code, outcome.message, outcome.detail, outcome.versions,
            outcome.verified, outcome.own, outcome.unsure)  # fmt: skip


def _write_group(
    ref: StorageRef, outcome: Outcome, claimed: Sequence[Claimed], leases: Collection[datetime]
) -> None:
    leased = {entry.pk for entry in claimed if entry.is_leased}
    ours = _locked().with_lease(leases).filter(pk__any_of=leased)
    attempts = dict(ours.values_list("pk", "attempts"))
    if outcome.result is Result.ERASED:
        lost = leased - attempts.keys()
        taken_over = {entry.key for entry in claimed if entry.pk in lost}
        for others in _others(ref, [e for e in claimed if e.key not in taken_over]):
            attempts |= others.values_list("pk", "attempts")
    by_attempts: dict[int, set[int]] = defaultdict(set)
    for pk, earlier in attempts.items():
        by_attempts[earlier + outcome.own].add(pk)
    for number, pks in by_attempts.items():
        _write(AuditEntry.objects.filter(pk__any_of=pks), outcome, number)


def _others(ref: StorageRef, erased: Sequence[Claimed]) -> Iterator[AuditEntryQuerySet]:
    """Yield the entries of erased keys that this worker has not leased: failed or free ones."""
    yield _locked().failed().in_storage(*ref).filter(key__any_of={e.key for e in erased})
    yield _locked().free().filter(pk__any_of={e.pk for e in erased if not e.is_leased})


def _locked() -> AuditEntryQuerySet:
    return AuditEntry.objects.select_for_update().order_by("pk")  # lock order


def _write(entries: AuditEntryQuerySet, outcome: Outcome, attempts: int) -> None:
    """Write an outcome into entries that have this number of attempts, including the last."""
    details = _details(outcome, attempts)
    match outcome.result:
        case Result.ERASED:
            lifecycle.mark_erased(entries, **details)
        case Result.NEWER_VERSION:
            reason = clean(outcome.detail) or "a newer version exists"
            lifecycle.mark_in_use(entries, reason=reason, **details)
        case Result.FAILED if not outcome.own:
            entries.update(due_at=DatabaseNow(PAUSE_AFTER_REQUEST), **details)
        case Result.FAILED if attempts >= conf.max_attempts():
            lifecycle.mark_failed(entries, **details)
        case Result.FAILED:
            doubled = min(attempts - 1, MAX_DOUBLINGS)
            pause = min(FIRST_PAUSE * 2**doubled, LONGEST_PAUSE)
            entries.update(due_at=DatabaseNow(pause), **details)


def _details(outcome: Outcome, attempts: int) -> dict[str, Any]:
    """Return the columns of an entry that do not depend on the result."""
    details: dict[str, Any] = {
        "attempts": attempts,
        "leased_until": ended_lease(may_be_erased=outcome.unsure),
        "detail": clean(outcome.detail),
        "error_code": outcome.code[:100],
        "error": clean(outcome.message),
    }
    if outcome.versions:
        details["versions"] = list(outcome.versions)
    if outcome.verified:
        details["verified_at"] = DatabaseNow()
    return details
