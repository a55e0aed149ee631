"""What a storage answered, written into the audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from moderation import conf
from moderation.database_time import DatabaseNow
from moderation.models import AuditEntry
from moderation.models.audit import EntryState
from moderation.purge.claim import Claimed, Place, free_entries
from moderation.purge.words import clean
from moderation.storage import Fate, Outcome
from moderation.storage.adapter import ERASED_EARLIER, WAS_MISSING

# First pause after a failure, doubled with each further one; the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)
MOST_DOUBLINGS = 11  # beyond the longest pause
# Pause of a key that a request failed for as a whole: it had no attempt of its own yet.
UNANSWERED_PAUSE = timedelta(seconds=2)

# An outcome, and the entries of its name that were claimed.
Answered = tuple[Outcome, Sequence[Claimed]]


def write_outcomes(
    place: Place, answered: Sequence[Answered], leases: Collection[datetime]
) -> set[int]:
    """Write outcomes into the entries that were claimed; return the removals concerned.

    `leases` are the worker's own. An entry under another one belongs to whoever took it over since,
    and is left alone, with all that its key has.
    What is erased is so for the failed entries of the key as well, and for those that were there
    when it was claimed. An entry of the key that was recorded since is none of them: its file was
    stored after the answer.
    """
    alike: dict[tuple[Any, ...], tuple[Outcome, list[Claimed]]] = {}
    for said, claimed in answered:
        outcome = _with_remark(said, claimed)
        alike.setdefault(_without_name(outcome), (outcome, []))[1].extend(claimed)
    with transaction.atomic():
        for outcome, same in alike.values():
            _write_alike(place, outcome, same, leases)
    removals = {entry.removal for _, claimed in answered for entry in claimed}
    return {removal for removal in removals if removal is not None}


def note_versions(versions: Mapping[int, Sequence[str]], leases: Collection[datetime]) -> bool:
    """Write down, by entry, which versions are about to be taken: another try takes no others.

    Return whether all the entries are still held under one of the leases.
    """
    ours = AuditEntry.objects.filter(state=EntryState.PENDING, leased_until__in=leases)
    told = [AuditEntry(pk=pk, versions=list(taken)) for pk, taken in versions.items()]
    return ours.bulk_update(told, ["versions"]) == len(told)


def _with_remark(outcome: Outcome, claimed: Sequence[Claimed]) -> Outcome:
    """Say of a missing file that an earlier worker erased it, where one died after it had asked."""
    if outcome.remark == WAS_MISSING and any(entry.was_leased for entry in claimed):
        return replace(outcome, remark=ERASED_EARLIER)
    return outcome


def _without_name(outcome: Outcome) -> tuple[Any, ...]:
    """A key for grouping: the same answer for many names is one UPDATE."""
    return (outcome.fate, outcome.code, outcome.message, outcome.remark, outcome.versions,
            outcome.verified, outcome.own, outcome.unsure)  # fmt: skip


def _write_alike(
    place: Place, outcome: Outcome, claimed: Sequence[Claimed], leases: Collection[datetime]
) -> None:
    entries = AuditEntry.objects.select_for_update().order_by("pk")  # as all who lock several
    held = {entry.pk for entry in claimed if entry.is_held}
    ours = entries.filter(pk__any_of=held, state=EntryState.PENDING, leased_until__in=leases)
    found = list(ours.values_list("pk", "attempts"))
    if outcome.fate is Fate.ERASED:
        lost = held - {pk for pk, _ in found}
        keys = {e.key for e in claimed} - {e.key for e in claimed if e.pk in lost}
        seen = {e.pk for e in claimed if not e.is_held and e.key in keys}
        failed = entries.filter(storage=place.storage, identity=place.identity)
        failed = failed.filter(key__any_of=keys, state=EntryState.FAILED)
        unheld = free_entries().select_for_update().order_by("pk").filter(pk__any_of=seen)
        for rows in (failed, unheld):
            found += rows.values_list("pk", "attempts")
    by_attempts: dict[int, set[int]] = defaultdict(set)
    for pk, attempts in found:
        by_attempts[attempts + outcome.own].add(pk)
    for attempts, same in by_attempts.items():
        AuditEntry.objects.filter(pk__any_of=same).update(**_changes(outcome, attempts))


def _changes(outcome: Outcome, attempts: int) -> dict[str, Any]:
    """The columns that an outcome changes in an entry that was tried so often."""
    now = DatabaseNow()
    changes: dict[str, Any] = {
        "attempts": attempts,
        # One that has run out says, as a dead worker's does, that the bytes may be gone.
        "leased_until": now if outcome.unsure else None,
        "remark": clean(outcome.remark),
        "error_code": outcome.code[:100],
        "error": clean(outcome.message),
    }
    if outcome.versions:
        changes["versions"] = list(outcome.versions)
    if outcome.verified:
        changes["verified_at"] = now
    match outcome.fate:
        case Fate.ERASED:
            changes |= {"state": EntryState.ERASED, "erased_at": now}
        case Fate.KEPT:
            because = clean(outcome.remark) or "a newer version is there"
            changes |= {"state": EntryState.KEPT, "kept_at": now, "kept_because": because}
        case Fate.FAILED if not outcome.own:
            changes["due_at"] = DatabaseNow(UNANSWERED_PAUSE)
        case Fate.FAILED if attempts >= conf.max_attempts():
            changes |= {"state": EntryState.FAILED, "failed_at": now}
        case Fate.FAILED:
            doubled = min(attempts - 1, MOST_DOUBLINGS)
            changes["due_at"] = DatabaseNow(min(FIRST_PAUSE * 2**doubled, LONGEST_PAUSE))
    return changes
