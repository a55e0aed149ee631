"""One batch of the purge: claim, prove the storage, erase, write down what it answered.

Storage is called outside any transaction. Whatever kills the worker in between, the lease runs out
and another does the batch again: erasing a key that is gone already is no error, since the storage
has just proved that it is the one that the entries name.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from moderation import conf
from moderation.models import AuditEntry, StorageMark
from moderation.models.audit import EntryState
from moderation.purge.claim import Batch, claim
from moderation.purge.words import clean
from moderation.removal.progress import settle
from moderation.storage import Doomed, Fate, Outcome, WrongStorage, adapter_for, prove
from moderation.storage.guard import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Outcomes that are written down together; a crash repeats at most these.
OUTCOMES_A_WRITE = 1000
# A storage that is not the right one is looked at again after this time.
STORAGE_RETRY = timedelta(minutes=1)
# First pause after a failure, doubled with each further one; the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)


def purge_batch() -> bool:
    """Take one batch of due keys out of storage; False when nothing is due.

    Every key comes out erased, kept, or with its failure and the time of the next try. Raises
    RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    batch = claim(conf.batch_keys() * conf.requests())
    if batch is None:
        return False
    removals = set(batch.settled)
    if batch.entries and _is_proved(batch):
        for outcomes in _chunks(_erase(batch)):
            removals |= _write(batch, outcomes)
    settle(*removals)
    return True


def _is_proved(batch: Batch) -> bool:
    """Whether the storage is the one that the entries name; if not, they are put off untouched."""
    try:
        prove(batch.storage, batch.identity)
    except WrongStorage as wrong:
        logger.warning("Nothing is purged from storage %s: %s", batch.storage, wrong)
        held = AuditEntry.objects.filter(lease=batch.lease, state=EntryState.PENDING)
        held.update(lease=None, leased_until=None, due_at=timezone.now() + STORAGE_RETRY)
        _note_problem(batch.storage, str(wrong))
        return False
    _note_problem(batch.storage, "")
    return True


def _note_problem(alias: str, problem: str) -> None:
    mark = StorageMark.objects.filter(alias=alias).exclude(problem=clean(problem))
    mark.update(problem=clean(problem), problem_at=timezone.now() if problem else None)


def _erase(batch: Batch) -> Iterator[Outcome]:
    """One outcome for each distinct name of the batch, whatever the adapter does."""
    versions = {entry.name: tuple(entry.versions) for entry in batch.entries}
    unanswered = dict.fromkeys(versions)
    doomed = [Doomed(name, taken) for name, taken in versions.items()]
    try:
        # The claim took no more keys than the adapter takes in one call.
        for outcome in adapter_for(batch.storage).erase(doomed):
            unanswered.pop(outcome.name, None)
            yield outcome
    except Exception as error:  # any storage library, any error: each key is tried again later
        logger.exception("Storage %s broke off.", batch.storage)
        code, message = type(error).__name__, str(error)
        yield from (Outcome(name, Fate.FAILED, code, message) for name in unanswered)
        return
    for name in unanswered:
        yield Outcome(name, Fate.FAILED, "NoAnswer", "The storage did not say what became of it.")


def _chunks(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    outcomes = iter(outcomes)
    while chunk := list(islice(outcomes, OUTCOMES_A_WRITE)):
        yield chunk


def _write(batch: Batch, outcomes: list[Outcome]) -> set[int]:
    """Write outcomes into every pending entry of their keys; gives the removals concerned.

    What is erased is so for the failed entries of the key as well.
    """
    by_name = {outcome.name: outcome for outcome in outcomes}
    erased = [outcome.name for outcome in outcomes if outcome.fate is Fate.ERASED]
    with transaction.atomic():
        key = AuditEntry.objects.filter(
            Q(state=EntryState.PENDING) | Q(state=EntryState.FAILED, name__in=erased),
            storage=batch.storage,
            identity=batch.identity,
        )
        held = key.filter(name__in=by_name).select_for_update().order_by("pk")
        groups: dict[tuple[Outcome, int], list[int]] = defaultdict(list)
        removals = set()
        for pk, name, attempts, removal in held.values_list("pk", "name", "attempts", "removal"):
            groups[_nameless(by_name[name]), attempts].append(pk)
            removals.add(removal)
        for (outcome, attempts), entries in groups.items():
            _write_group(entries, outcome, attempts + 1)
        AuditEntry.objects.filter(lease=batch.lease, state=EntryState.PENDING).update(
            leased_until=timezone.now() + timedelta(seconds=conf.lease_seconds())
        )
    return removals - {None}


def _nameless(outcome: Outcome) -> Outcome:
    """An outcome as a key for grouping: the same answer for many names is one UPDATE."""
    return Outcome("", outcome.fate, outcome.code, outcome.message, outcome.remark,
                   outcome.versions, outcome.verified)  # fmt: skip


def _write_group(entries: list[int], outcome: Outcome, attempts: int) -> None:
    now = timezone.now()
    changes: dict[str, Any] = {
        "attempts": attempts,
        "lease": None,
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
            changes["due_at"] = now + min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    AuditEntry.objects.filter(pk__in=entries).update(**changes)
