"""One turn of the purge: claim, prove the storage, erase, write down what it answered.

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
from moderation.lifecycle.removals import settle
from moderation.purge.claim import claim, put_off, renew
from moderation.purge.queue import Batch, Claimed
from moderation.purge.results import FIRST_PAUSE, Answered, note_versions, write_outcomes
from moderation.purge.storage_problems import STORAGE_RETRY, clear_problem, note_problem
from moderation.storage import Doomed, Fate, Outcome, WrongStorage, adapter_for, prove
from moderation.storage.base import message_of, versions_of
from moderation.storage.lease import Lease, Moment
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Seconds during which a call claims more keys: then slices, and other storages, have their turn.
TURN = 5.0
# Outcomes that are written down together, and seconds after which fewer are: a crash repeats at
# most these, and the page shows how far it got.
OUTCOMES_A_WRITE = 1000
WRITE_AFTER = 2.0


def purge_batch() -> bool:
    """Take due keys of one storage out of it, for a few seconds; False when nothing is due.

    Every key comes out erased, kept, or with its failure and the time of the next try. Raises
    RuntimeError inside a transaction.
    """
    refuse_inside_transaction()
    before = Moment.now()
    first = claim(conf.batch_keys())
    if first is None:
        return False
    turn = _Turn(first, Lease(conf.lease_seconds(), before))
    turn.run()
    settle(*turn.removals)
    if turn.trouble:
        raise turn.trouble
    return True


class _Turn:
    """The work of one call on one storage: its claimed entries by name, requested or not.

    `later` are newer entries of keys that are being requested: the result does not cover a file
    that was stored under the key since. `lease` counts from before the first claim or the last
    renewal; later claims hold for longer.
    """

    def __init__(self, first: Batch, lease: Lease) -> None:
        self.first = first
        self.lease = lease
        self.place = first.place
        self.asked: dict[str, list[Claimed]] = {}
        self.unasked: dict[str, list[Claimed]] = {}
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
            answered.append((outcome, self.asked.pop(outcome.name, [])))
            if len(answered) >= OUTCOMES_A_WRITE or time.monotonic() - written > WRITE_AFTER:
                self._write(answered)
                answered, written = [], time.monotonic()
        self._write(answered)
        put_off(self.later, timedelta(0), self.leases)
        put_off(chain(*self.unasked.values()), FIRST_PAUSE, self.leases)

    def _erase(self) -> Iterator[Outcome]:
        """Yield one outcome for each requested name, even if the adapter raises an error."""
        code, message = "NoAnswer", "The storage did not say what became of it."
        doomed = self._doomed()
        first = list(islice(doomed, 1))  # proves the storage, before its adapter is made
        try:
            if first:
                adapter = adapter_for(self.place.storage)
                yield from adapter.erase(chain(first, doomed), self._note)
        except DatabaseTrouble as trouble:  # none of the storage's; the leases run out
            self.trouble, self.asked = trouble, {}
        except Exception as error:  # any storage library, any error: each key is tried again later
            logger.exception("Storage %s broke off.", self.place.storage)
            code, message = type(error).__name__, message_of(error)
        unanswered = Outcome("", Fate.FAILED, code, message, own=False, unsure=True)
        yield from [replace(unanswered, name=name) for name in self.asked]

    def _note(self, taken: Mapping[str, tuple[str, ...]]) -> None:
        by_entry = {
            entry.pk: versions
            for name, versions in taken.items()
            for entry in self.asked[name]
            if entry.is_held
        }
        if not note_versions(by_entry, self.leases):
            self.lease.end()

    def _doomed(self) -> Iterator[Doomed]:
        """Claim keys as the storage asks for them, until none is due or the turn is over.

        Trouble with the database is none of the storage's: it ends the turn and is kept for later.
        """
        batch: Batch | None = self.first
        try:
            while batch:
                self._take(batch)
                if batch.entries and not self._is_proved(batch):
                    return
                while self.unasked and self.lease.holds():
                    name = next(iter(self.unasked))  # in the order of the claim
                    self.asked[name] = same = self.unasked.pop(name)
                    yield Doomed(name, versions_of(entry.versions for entry in same), self.lease)
                over = time.monotonic() > self._until or not self.lease.holds()
                batch = None if over else claim(conf.batch_keys(), self.place)
        except DatabaseTrouble as trouble:
            self.trouble = trouble

    def _take(self, batch: Batch) -> None:
        self.removals |= batch.settled
        self.leases.add(batch.leased_until)
        asked = {entry.key for same in self.asked.values() for entry in same}
        for entry in batch.entries:
            if entry.key in asked:
                self.later.append(entry)
            else:
                self.unasked.setdefault(entry.name, []).append(entry)

    def _is_proved(self, batch: Batch) -> bool:
        """Return whether the storage is the one that is meant; if not, the entries are put off."""
        try:
            prove(*self.place)
        except WrongStorage as wrong:
            logger.warning("Nothing is purged from storage %s: %s", self.place.storage, wrong)
            put_off(chain(batch.entries, self.later), STORAGE_RETRY, self.leases)
            self.unasked, self.later = {}, []
            note_problem(self.place.storage, str(wrong))
            return False
        clear_problem(self.place.storage)
        return True

    def _write(self, answered: list[Answered]) -> None:
        """Verify the storage again, then write the outcomes and renew the lease."""
        if any(outcome.fate is not Fate.FAILED for outcome, _ in answered):
            answered = self._believed(answered)
        self.removals |= write_outcomes(self.place, answered, self.leases)
        if time.monotonic() > self._hold_again_at and self.lease.holds():
            self._renew()

    def _believed(self, answered: list[Answered]) -> list[Answered]:
        """Return the outcomes to be believed: none, if this is no longer the right storage.

        Keys reported as erased or missing are then put off, and nothing more is sent.
        """
        try:
            prove(*self.place)
        except WrongStorage as wrong:
            logger.warning("Results of storage %s are discarded: %s", self.place.storage, wrong)
            self.lease.end()
            note_problem(self.place.storage, str(wrong))
            doubtful = [same for outcome, same in answered if outcome.fate is not Fate.FAILED]
            put_off(chain(*doubtful), STORAGE_RETRY, self.leases, asked=True)
            return [(outcome, same) for outcome, same in answered if outcome.fate is Fate.FAILED]
        return answered

    def _renew(self) -> None:
        """Renew the lease on entries without an outcome; end it if some were taken over."""
        before = Moment.now()
        rest = chain(*self.asked.values(), *self.unasked.values(), self.later)
        until, is_ours = renew(rest, self.leases)
        self.leases.add(until)
        if is_ours:
            self.lease.renew(before)
        else:
            logger.warning("Another worker took over keys of storage %s.", self.place.storage)
            self.lease.end()
        self._hold_again_at = _half_a_lease_on()


def _half_a_lease_on() -> float:
    return time.monotonic() + conf.lease_seconds() / 2
