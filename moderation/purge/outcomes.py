"""What a storage answered, written into the audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils import timezone

from moderation import conf
from moderation.models import AuditEntry
from moderation.models.audit import EntryState
from moderation.purge.claim import Claimed, Place, free_entries
from moderation.purge.words import clean
from moderation.storage import Fate, Outcome

# First pause after a failure, doubled with each further one; the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)
MOST_DOUBLINGS = 11  # beyond the longest pause

# An outcome, and the entries of its name that were claimed.
Answered = tuple[Outcome, Sequence[Claimed]]


def write_outcomes(place: Place, answered: Sequence[Answered]) -> set[int]:
    """Write outcomes into the entries that were claimed; gives the removals concerned.

    What is erased is so for the failed entries of the key as well, and for those that were there
    when it was claimed. An entry of the key that was recorded since is none of them: its file was
    stored after the answer.
    """
    alike: dict[tuple[Any, ...], tuple[Outcome, list[Claimed]]] = {}
    for outcome, claimed in answered:
        alike.setdefault(_without_name(outcome), (outcome, []))[1].extend(claimed)
    with transaction.atomic():
        for outcome, same in alike.values():
            _write_alike(place, outcome, same)
    removals = {entry.removal for _, claimed in answered for entry in claimed}
    return {removal for removal in removals if removal is not None}


def note_versions(versions: Mapping[int, Sequence[str]]) -> None:
    """Write down, by entry, which versions are about to be taken: another try takes no others."""
    pending = AuditEntry.objects.filter(state=EntryState.PENDING)
    told = [AuditEntry(pk=pk, versions=list(taken)) for pk, taken in versions.items()]
    pending.bulk_update(told, ["versions"])


def _without_name(outcome: Outcome) -> tuple[Any, ...]:
    """A key for grouping: the same answer for many names is one UPDATE."""
    return (outcome.fate, outcome.code, outcome.message, outcome.remark, outcome.versions,
            outcome.verified)  # fmt: skip


def _write_alike(place: Place, outcome: Outcome, claimed: Sequence[Claimed]) -> None:
    entries = AuditEntry.objects.select_for_update().order_by("pk")  # as all who lock several
    held = {entry.pk for entry in claimed if entry.is_held}
    seen = {entry.pk for entry in claimed if not entry.is_held}
    found = [entries.filter(pk__any_of=held, state=EntryState.PENDING)]
    if outcome.fate is Fate.ERASED:
        failed = entries.filter(storage=place.storage, identity=place.identity)
        found.append(failed.filter(key__any_of={e.key for e in claimed}, state=EntryState.FAILED))
        found.append(free_entries().select_for_update().order_by("pk").filter(pk__any_of=seen))
    by_attempts: dict[int, set[int]] = defaultdict(set)
    for pk, attempts in chain(*(rows.values_list("pk", "attempts") for rows in found)):
        by_attempts[attempts + 1].add(pk)
    for attempts, same in by_attempts.items():
        AuditEntry.objects.filter(pk__any_of=same).update(**_changes(outcome, attempts))


def _changes(outcome: Outcome, attempts: int) -> dict[str, Any]:
    """The columns that an outcome changes in an entry that was tried so often."""
    now = timezone.now()
    changes: dict[str, Any] = {
        "attempts": attempts,
        "leased_until": None,
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
        case Fate.FAILED if attempts >= conf.max_attempts():
            changes |= {"state": EntryState.FAILED, "failed_at": now}
        case Fate.FAILED:
            doubled = min(attempts - 1, MOST_DOUBLINGS)
            changes["due_at"] = now + min(FIRST_PAUSE * 2**doubled, LONGEST_PAUSE)
    return changes
