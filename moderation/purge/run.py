"""One run of the purge: claim keys, verify the storage, erase the files, record the outcomes.

The storage is called outside any transaction. More keys are claimed while requests for the previous
claim are running. If the worker dies in between, its lease expires and another worker repeats the
requests: a key that is already missing is not an error, since the storage has just been verified by
its identity file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice

from django import db

from moderation import conf
from moderation.lifecycle.removals import advance
from moderation.purge.claim import claim, renew, reschedule
from moderation.purge.queue import Claim, Claimed
from moderation.purge.results import FIRST_PAUSE, Answered, record_versions, write_outcomes
from moderation.purge.storage_problems import STORAGE_RETRY, clear_problem, record_problem
from moderation.storage import (
    Adapter,
    FileToErase,
    Outcome,
    Result,
    WrongStorage,
    opened_adapter,
    verify_identity,
)
from moderation.storage.base import message_of, versions_to_delete
from moderation.storage.lease import Lease, Moment
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# Seconds during which a run claims more keys. Then batches and other storages are processed.
CLAIM_FOR = 5.0
# Outcomes that are written together, and seconds after which fewer are: a crash repeats at most
# these, and the page shows the progress.
OUTCOMES_PER_WRITE = 1000
WRITE_AFTER = 2.0


def purge_due_files(*, after_write: Callable[[], object] = lambda: None) -> bool:
    """Erase due keys of one storage for a few seconds; return False if nothing is due.

    Every claimed key is then erased, in use, failed or rescheduled. `after_write` is called
    whenever outcomes were written, which is after each slow request. Raises RuntimeError inside a
    transaction. A database error ends the run and is raised after the removals are advanced; the
    leases of the keys without an outcome expire.
    """
    refuse_inside_transaction()
    before = Moment.now()
    first = claim(conf.request_keys())
    if first is None:
        return False
    run = _Run(first, Lease(conf.lease_seconds(), before), after_write)
    run.execute()
    advance(*run.removals)
    if run.database_error:
        raise run.database_error
    return True


class _Run:
    """The state of one run on one storage: its claimed entries by name, sent or not.

    `later` are newer entries of keys that are being requested: the outcome does not cover a file
    that was stored under the key since. `lease` counts from before the first claim or the last
    renewal; the leases of later claims last longer.
    """

    def __init__(self, first: Claim, lease: Lease, after_write: Callable[[], object]) -> None:
        self.first = first
        self.lease = lease
        self.after_write = after_write
        self.ref = first.ref
        self.sent: dict[str, list[Claimed]] = {}
        self.unsent: dict[str, list[Claimed]] = {}
        self.later: list[Claimed] = []
        self.leases: set[datetime] = set()
        self.removals: set[int] = set()
        self.database_error: db.Error | None = None
        self.adapter: Adapter | None = None
        self._context = ExitStack()  # closes the adapter
        self._claim_until = time.monotonic() + CLAIM_FOR
        self._renew_at = _half_a_lease_from_now()

    def execute(self) -> None:
        """Erase the claimed files, and write the outcomes as the storage returns them."""
        with self._context:
            self._execute()

    def _execute(self) -> None:
        answered: list[Answered] = []
        written = time.monotonic()
        for outcome in self._erase():
            answered.append((outcome, self.sent.pop(outcome.name, [])))
            if len(answered) >= OUTCOMES_PER_WRITE or time.monotonic() - written > WRITE_AFTER:
                self._write(answered)
                answered, written = [], time.monotonic()
        self._write(answered)
        reschedule(self.later, timedelta(0), self.leases)
        reschedule(chain(*self.unsent.values()), FIRST_PAUSE, self.leases)

    def _erase(self) -> Iterator[Outcome]:
        """Yield one outcome for each requested name, even if the adapter raises an error.

        After a database error, the names without an outcome get none.
        """
        code, message = "NoAnswer", "The storage returned no result for this file."
        files = self._files()
        first = list(islice(files, 1))  # verifies the storage, which creates the adapter
        try:
            if first and self.adapter:
                yield from self.adapter.erase(chain(first, files), self._record_versions)
        except db.Error as error:  # not the storage's error; the leases expire
            self.database_error, self.sent = error, {}
        except Exception as error:  # any storage library's error: each key is retried later
            logger.exception("Storage %s failed while erasing files.", self.ref.storage)
            code, message = type(error).__name__, message_of(error)
        unanswered = Outcome("", Result.FAILED, code, message, own=False, unsure=True)
        yield from [replace(unanswered, name=name) for name in self.sent]

    def _record_versions(self, by_name: Mapping[str, tuple[str, ...]]) -> None:
        by_entry = {
            entry.pk: versions
            for name, versions in by_name.items()
            for entry in self.sent[name]
            if entry.is_leased
        }
        if not record_versions(by_entry, self.leases):
            self.lease.end()

    def _files(self) -> Iterator[FileToErase]:
        """Yield files as the adapter consumes them, claiming more keys until the time is over.

        A database error is not the storage's: it ends the run and is raised at the end of it.
        """
        claimed: Claim | None = self.first
        try:
            while claimed:
                self._add(claimed)
                if claimed.entries and not self._is_verified(claimed):
                    return
                while self.unsent and self.lease.is_active():
                    name = next(iter(self.unsent))  # in the order of the claim
                    self.sent[name] = same = self.unsent.pop(name)
                    yield FileToErase(
                        name, versions_to_delete(entry.versions for entry in same), self.lease
                    )
                is_over = time.monotonic() > self._claim_until or not self.lease.is_active()
                claimed = None if is_over else claim(conf.request_keys(), self.ref)
        except db.Error as error:
            self.database_error = error

    def _add(self, claimed: Claim) -> None:
        self.removals |= claimed.removals
        self.leases.add(claimed.leased_until)
        sent = {entry.key for same in self.sent.values() for entry in same}
        for entry in claimed.entries:
            if entry.key in sent:
                self.later.append(entry)
            else:
                self.unsent.setdefault(entry.name, []).append(entry)

    def _is_verified(self, claimed: Claim) -> bool:
        """Return whether the storage has the right identity; if not, reschedule the entries."""
        try:
            self._verify()
        except WrongStorage as wrong:
            logger.warning("Nothing is purged from storage %s: %s", self.ref.storage, wrong)
            reschedule(chain(claimed.entries, self.later), STORAGE_RETRY, self.leases)
            self.unsent, self.later = {}, []
            record_problem(self.ref.storage, str(wrong))
            return False
        clear_problem(self.ref.storage)
        return True

    def _verify(self) -> None:
        """Verify the location in which files are erased: the adapter keeps it open.

        Otherwise the right folder could be verified, and another one, which takes its place for a
        moment, would report every file as missing. Raises WrongStorage.
        """
        if self.adapter is None:
            self.adapter = self._context.enter_context(opened_adapter(self.ref.storage))
        verify_identity(*self.ref, self.adapter)

    def _write(self, answered: list[Answered]) -> None:
        """Verify the storage again, then write the outcomes and renew the lease."""
        if any(outcome.result is not Result.FAILED for outcome, _ in answered):
            answered = self._trustworthy(answered)
        self.removals |= write_outcomes(self.ref, answered, self.leases)
        if time.monotonic() > self._renew_at and self.lease.is_active():
            self._renew()
        self.after_write()

    def _trustworthy(self, answered: list[Answered]) -> list[Answered]:
        """Return the outcomes to write: only failures if this is no longer the right storage.

        Keys that it reported as erased or missing are then rescheduled, and nothing more is sent.
        """
        try:
            self._verify()
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
        """Renew the lease on entries without an outcome; end it if another worker has some."""
        before = Moment.now()
        rest = chain(*self.sent.values(), *self.unsent.values(), self.later)
        until, is_ours = renew(rest, self.leases)
        self.leases.add(until)
        if is_ours:
            self.lease.renew(before)
        else:
            logger.warning("Another worker took over keys of storage %s.", self.ref.storage)
            self.lease.end()
        self._renew_at = _half_a_lease_from_now()


def _half_a_lease_from_now() -> float:
    return time.monotonic() + conf.lease_seconds() / 2
