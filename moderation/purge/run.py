"""One run of the purge: claim keys, verify the storage, erase, and record its answers.

Storage is called outside any transaction. Keys are claimed a batch at a time, while requests for
the last ones are under way. Whatever kills the worker in between, the lease runs out and another
does them again: erasing a key that is gone already is no error, since the storage has just proved
that it is the one that the entries name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice

from django.db import Error as DatabaseTrouble

from moderation import conf
from moderation.lifecycle.removals import advance
from moderation.purge.claim import claim, renew, reschedule
from moderation.purge.queue import Claim, Claimed
from moderation.purge.results import FIRST_PAUSE, Answered, record_versions, write_outcomes
from moderation.purge.storage_problems import STORAGE_RETRY, clear_problem, record_problem
from moderation.storage import (
    FileToErase,
    Outcome,
    Result,
    WrongStorage,
    adapter_for,
    verify_identity,
)
from moderation.storage.base import message_of, versions_of
from moderation.storage.lease import Lease, Moment
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Seconds during which a call claims more keys: then batches, and other storages, have their turn.
TURN = 5.0
# Outcomes that are written down together, and seconds after which fewer are: a crash repeats at
# most these, and the page shows how far it got.
OUTCOMES_A_WRITE = 1000
WRITE_AFTER = 2.0


def purge_due_files() -> bool:
    """Take due keys of one storage out of it, for a few seconds; False when nothing is due.

    Every key comes out erased, kept, or with its failure and the time of the next try. Raises
    RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    before = Moment.now()
    first = claim(conf.request_keys())
    if first is None:
        return False
    turn = _Turn(first, Lease(conf.lease_seconds(), before))
    turn.run()
    advance(*turn.removals)
    if turn.trouble:
        raise turn.trouble
    return True


class _Turn:
    """The work of one call on one storage: its claimed entries by name, requested or not.

    `later` are newer entries of keys that are being requested: the result does not cover a file
    that was stored under the key since. `lease` counts from before the first claim or the last
    renewal; later claims hold for longer.
    """

    def __init__(self, first: Claim, lease: Lease) -> None:
        self.first = first
        self.lease = lease
        self.ref = first.ref
        self.sent: dict[str, list[Claimed]] = {}
        self.unsent: dict[str, list[Claimed]] = {}
        self.later: list[Claimed] = []
        self.leases: set[datetime] = set()
        self.removals: set[int] = set()
        self.trouble: DatabaseTrouble | None = None
        self._until = time.monotonic() + TURN
        self._hold_again_at = _half_a_lease_on()

    def run(self) -> None:
        """Erase what is claimed, and write down what the storage answers as it comes."""
        answered: list[Answered] = []
        written = time.monotonic()
        for outcome in self._erase():
            answered.append((outcome, self.sent.pop(outcome.name, [])))
            if len(answered) >= OUTCOMES_A_WRITE or time.monotonic() - written > WRITE_AFTER:
                self._write(answered)
                answered, written = [], time.monotonic()
        self._write(answered)
        reschedule(self.later, timedelta(0), self.leases)
        reschedule(chain(*self.unsent.values()), FIRST_PAUSE, self.leases)

    def _erase(self) -> Iterator[Outcome]:
        """Yield one outcome for each requested name, even if the adapter raises an error."""
        code, message = "NoAnswer", "The storage did not say what became of it."
        files = self._files()
        first = list(islice(files, 1))  # proves the storage, before its adapter is made
        try:
            if first:
                adapter = adapter_for(self.ref.storage)
                yield from adapter.erase(chain(first, files), self._note)
        except DatabaseTrouble as trouble:  # none of the storage's; the leases run out
            self.trouble, self.sent = trouble, {}
        except Exception as error:  # any storage library, any error: each key is tried again later
            logger.exception("Storage %s broke off.", self.ref.storage)
            code, message = type(error).__name__, message_of(error)
        unanswered = Outcome("", Result.FAILED, code, message, own=False, unsure=True)
        yield from [replace(unanswered, name=name) for name in self.sent]

    def _note(self, taken: Mapping[str, tuple[str, ...]]) -> None:
        by_entry = {
            entry.pk: versions
            for name, versions in taken.items()
            for entry in self.sent[name]
            if entry.is_held
        }
        if not record_versions(by_entry, self.leases):
            self.lease.end()

    def _files(self) -> Iterator[FileToErase]:
        """Claim keys as the storage asks for them, until none is due or the turn is over.

        Trouble with the database is none of the storage's: it ends the turn and is kept for later.
        """
        claimed: Claim | None = self.first
        try:
            while claimed:
                self._take(claimed)
                if claimed.entries and not self._is_verified(claimed):
                    return
                while self.unsent and self.lease.holds():
                    name = next(iter(self.unsent))  # in the order of the claim
                    self.sent[name] = same = self.unsent.pop(name)
                    yield FileToErase(
                        name, versions_of(entry.versions for entry in same), self.lease
                    )
                over = time.monotonic() > self._until or not self.lease.holds()
                claimed = None if over else claim(conf.request_keys(), self.ref)
        except DatabaseTrouble as trouble:
            self.trouble = trouble

    def _take(self, claimed: Claim) -> None:
        self.removals |= claimed.settled
        self.leases.add(claimed.leased_until)
        sent = {entry.key for same in self.sent.values() for entry in same}
        for entry in claimed.entries:
            if entry.key in sent:
                self.later.append(entry)
            else:
                self.unsent.setdefault(entry.name, []).append(entry)

    def _is_verified(self, claimed: Claim) -> bool:
        """Return whether the storage is the one that is meant; if not, the entries are put off."""
        try:
            verify_identity(*self.ref)
        except WrongStorage as wrong:
            logger.warning("Nothing is purged from storage %s: %s", self.ref.storage, wrong)
            reschedule(chain(claimed.entries, self.later), STORAGE_RETRY, self.leases)
            self.unsent, self.later = {}, []
            record_problem(self.ref.storage, str(wrong))
            return False
        clear_problem(self.ref.storage)
        return True

    def _write(self, answered: list[Answered]) -> None:
        """Verify the storage again, then write the outcomes and renew the lease."""
        if any(outcome.result is not Result.FAILED for outcome, _ in answered):
            answered = self._confirmed(answered)
        self.removals |= write_outcomes(self.ref, answered, self.leases)
        if time.monotonic() > self._hold_again_at and self.lease.holds():
            self._renew()

    def _confirmed(self, answered: list[Answered]) -> list[Answered]:
        """Return the outcomes to be believed: none, if this is no longer the right storage.

        Keys reported as erased or missing are then put off, and nothing more is sent.
        """
        try:
            verify_identity(*self.ref)
        except WrongStorage as wrong:
            logger.warning("Results of storage %s are discarded: %s", self.ref.storage, wrong)
            self.lease.end()
            record_problem(self.ref.storage, str(wrong))
            doubtful = [same for outcome, same in answered if outcome.result is not Result.FAILED]
            reschedule(chain(*doubtful), STORAGE_RETRY, self.leases, sent=True)
            return [
                (outcome, same) for outcome, same in answered if outcome.result is Result.FAILED
            ]
        return answered

    def _renew(self) -> None:
        """Renew the lease on entries without an outcome; end it if some were taken over."""
        before = Moment.now()
        rest = chain(*self.sent.values(), *self.unsent.values(), self.later)
        until, is_ours = renew(rest, self.leases)
        self.leases.add(until)
        if is_ours:
            self.lease.renew(before)
        else:
            logger.warning("Another worker took over keys of storage %s.", self.ref.storage)
            self.lease.end()
        self._hold_again_at = _half_a_lease_on()


def _half_a_lease_on() -> float:
    return time.monotonic() + conf.lease_seconds() / 2
