"""Delete many keys with several requests at a time, until every target has its answer.

A key fails for good only if the answer is about that key. A request that failed as a whole is
retried after a pause, or halved until the bad key is isolated. A server that throttles gets fewer
requests at a time.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from moderation.storage.pace import Pace, pause_after
from moderation.storage.s3.client import TRIES
from moderation.storage.s3.errors import LEASE_ERROR, ErrorCategory, StorageError
from moderation.storage.s3.requests import (
    Answer,
    BatchRejected,
    DeleteClient,
    Target,
    needs_separate_request,
)

# Seconds after which nothing more is sent: well below a lease, so that no other worker takes over.
TIME_LIMIT = 60.0
# Requests that fail as a whole in a row before the run is given up: enough for every request in
# flight to fail and to be halved, too few to hammer a server that rejects everything.
MAX_FAILURES = 64
# The same if keys may be the cause and have to be isolated: two requests for each of 300 keys that
# the server rejects. Further keys wait for a later claim.
MAX_KEY_FAILURES = 640

OUT_OF_TIME = StorageError(
    "OutOfTime", f"No time was left after {TIME_LIMIT:.0f} s.", ErrorCategory.FATAL
)


@dataclass(order=True, slots=True)
class _Batch:
    due: float
    number: int
    targets: Sequence[Target] = field(compare=False)
    failures: int = field(default=0, compare=False)
    error: StorageError | None = field(default=None, compare=False)


class BatchDeleter:
    """One run over distinct targets. Create a new one for each run."""

    def __init__(
        self,
        client: DeleteClient,
        *,
        request_keys: int,
        requests: int,
        sendable: Callable[[Sequence[Target]], Sequence[Target]] = lambda targets: targets,
    ) -> None:
        self.client = client
        self.sendable = sendable  # called right before each request; returns what may still be sent
        self.request_keys = request_keys
        self.pace = Pace(requests)
        self._source: Iterator[Target] = iter(())
        self._queue: list[_Batch] = []  # a heap, by due time
        self._running: dict[Future[list[Answer]], _Batch] = {}
        self._numbers = itertools.count()
        self._failures_in_a_row = 0
        self.given_up: StorageError | None = None
        self._deadline = time.monotonic() + TIME_LIMIT

    def run(self, targets: Iterable[Target]) -> Iterator[Answer]:
        """Delete distinct targets; yield exactly one answer for each that is read, in any order.

        Targets are read a batch ahead of the running requests, so that the next batch is ready
        when a request ends. After a failure, none is read until a request succeeds or all batches
        have ended, and none after the run is given up, for the reason in `given_up`.
        """
        self._source = iter(targets)
        with ThreadPoolExecutor(self.pace.ceiling) as pool:
            while self._advance(pool):
                if self._is_given_up():
                    yield from self._give_up_queue()
                answers = [
                    answer
                    for future in self._wait_for_any()
                    for answer in self._answers_of(self._running.pop(future), future)
                ]
                self._send_due(pool)  # before the caller handles the answers, which may take time
                yield from answers

    def _advance(self, pool: ThreadPoolExecutor) -> bool:
        """Send due batches, and read more targets if none is due; return False at the end."""
        self._send_due(pool)
        while self._needs_more() and (targets := list(islice(self._source, self.request_keys))):
            self._enqueue([t for t in targets if not needs_separate_request(t)])
            self._enqueue_one_by_one(t for t in targets if needs_separate_request(t))
            self._send_due(pool)
        return bool(self._queue or self._running)

    def _needs_more(self) -> bool:
        is_busy = self._queue or self._running
        return not (self._has_due() or (self._failures_in_a_row and is_busy) or self._is_given_up())

    def _has_due(self) -> bool:
        return bool(self._queue) and self._queue[0].due <= time.monotonic()

    def _enqueue_one_by_one(self, targets: Iterable[Target]) -> None:
        for target in targets:
            self._enqueue([target])

    def _enqueue(
        self,
        targets: Sequence[Target],
        *,
        failures: int = 0,
        error: StorageError | None = None,
    ) -> None:
        due = time.monotonic() + (pause_after(failures) if failures else 0)
        if targets:
            batch = _Batch(due, next(self._numbers), targets, failures, error)
            heapq.heappush(self._queue, batch)

    def _halve(self, batch: _Batch, error: StorageError) -> None:
        """Queue both halves before everything else, so that each key is soon isolated.

        They count as failed once, so that halves that fail too are halved again immediately.
        """
        due = time.monotonic() + pause_after(1) if error.is_transient else batch.due
        middle = len(batch.targets) // 2
        for half in (batch.targets[middle:], batch.targets[:middle]):
            number = -next(self._numbers)
            heapq.heappush(self._queue, _Batch(due, number, half, 1, error))

    def _send_due(self, pool: ThreadPoolExecutor) -> None:
        now = time.monotonic()
        while len(self._running) < self.pace.allowed and self._queue and not self._is_given_up():
            if self._queue[0].due > now:
                return
            batch = heapq.heappop(self._queue)
            if len(batch.targets) > 1 and not self.client.supports_batches:
                self._enqueue_one_by_one(batch.targets)
                now = time.monotonic()
            else:
                self._running[pool.submit(self._send, batch.targets)] = batch

    def _send(self, targets: Sequence[Target]) -> list[Answer]:
        """Send the targets that may be sent, checked in the pool's thread before the request."""
        sendable = self.sendable(targets)
        answers = self.client.send(sendable) if sendable else []
        if len(sendable) == len(targets):
            return answers
        return answers + [Answer(t, LEASE_ERROR, own=False) for t in {*targets} - {*sendable}]

    def _wait_for_any(self) -> set[Future[list[Answer]]]:
        """Wait until a request ends, at most until the next batch is due; return those ended."""
        has_room = bool(self._queue) and len(self._running) < self.pace.allowed
        timeout = max(0.0, self._queue[0].due - time.monotonic()) if has_room else None
        if self._running:
            return wait(self._running, timeout, FIRST_COMPLETED).done
        time.sleep(timeout or 0)
        return set()

    def _answers_of(self, batch: _Batch, future: Future[list[Answer]]) -> Iterator[Answer]:
        try:
            answers = future.result()
        except BatchRejected as rejected:
            yield from self._handle_rejected(batch, rejected.error)
            return
        yield from self._handle(batch, answers)

    def _handle(self, batch: _Batch, answers: Sequence[Answer]) -> Iterator[Answer]:
        """Yield the final answers; queue the targets of the others again, by their error."""
        to_retry: dict[str, list[Answer]] = {}
        for answer in answers:
            if answer.error is None or self._is_final(answer.error, batch.failures + 1):
                yield answer
            else:
                to_retry.setdefault(answer.error.code, []).append(answer)
        errors = [answer.error for answer in answers if answer.error]
        fatal = ErrorCategory.FATAL
        worst = next((e for e in errors if e.is_transient or e.category is fatal), None)
        is_single = len(batch.targets) == 1
        is_failure = len(errors) == len(answers) and (worst is not None or is_single)
        self._record(worst or (errors[0] if is_single and errors else None), is_failure=is_failure)
        for similar in to_retry.values():
            targets = [answer.target for answer in similar]
            self._enqueue(targets, failures=batch.failures + 1, error=similar[0].error)

    def _handle_rejected(self, batch: _Batch, error: StorageError) -> Iterator[Answer]:
        """Retry, split or give up a batch that failed as a whole."""
        self._record(error, is_failure=True)
        category, failures = error.category, batch.failures + 1
        if category in (ErrorCategory.NO_BATCH, ErrorCategory.UNREADABLE):
            self._enqueue_one_by_one(batch.targets)
        elif category is ErrorCategory.KEY or (
            category is ErrorCategory.TRANSIENT and failures > 1
        ):
            self._halve(batch, error)
        elif self._is_final(error, failures):
            yield from (Answer(target, error, own=False) for target in batch.targets)
        else:
            self._enqueue(batch.targets, failures=failures, error=error)

    def _is_final(self, error: StorageError, failures: int) -> bool:
        return not error.is_transient or failures >= TRIES

    def _record(self, error: StorageError | None, *, is_failure: bool) -> None:
        """Adjust the pace, count the requests that failed in a row, and give up if need be."""
        self._failures_in_a_row = self._failures_in_a_row + 1 if is_failure else 0
        if error is None:
            self.pace.speed_up()
            return
        if error.is_transient:
            self.pace.slow_down()
        limit = MAX_KEY_FAILURES if error.category is ErrorCategory.KEY else MAX_FAILURES
        if error.category is ErrorCategory.FATAL or self._failures_in_a_row >= limit:
            self.given_up = error

    def _is_given_up(self) -> bool:
        if time.monotonic() > self._deadline:
            self.given_up = self.given_up or OUT_OF_TIME
        return self.given_up is not None

    def _give_up_queue(self) -> Iterator[Answer]:
        queue, self._queue = self._queue, []
        for batch in queue:
            error = batch.error or self.given_up or OUT_OF_TIME
            yield from (Answer(target, error, own=False) for target in batch.targets)
