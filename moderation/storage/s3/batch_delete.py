"""Many deletions, several requests at once, until every target has its answer.

A key fails for good only by an answer of its own. What failed as a whole is sent again after a
pause, or halved until the bad key stands alone; a server that asks for less gets less.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from moderation.storage.s3.client import TRIES, pause
from moderation.storage.s3.errors import OVER, Kind, Trouble
from moderation.storage.s3.requests import Answer, Deletion, Refusal, Target, must_go_singly

# Seconds after which nothing is sent again: well below a lease, so that nobody else takes over.
PATIENCE = 60.0
# Whole requests that fail in a row before the rest is given up: enough for every request in
# flight to fail and to be halved, too few to hammer a server that refuses everything.
GIVE_UP_AFTER = 64
# The same if keys may be the cause and have to be isolated: two requests for each of 300 keys that
# the server refuses. Further keys wait for a later claim.
MOST_REFUSALS = 640

OUT_OF_TIME = Trouble("OutOfTime", f"No time was left after {PATIENCE:.0f} s.", Kind.WHOLE)


@dataclass(order=True, slots=True)
class _Batch:
    due: float
    number: int
    targets: Sequence[Target] = field(compare=False)
    failures: int = field(default=0, compare=False)
    trouble: Trouble | None = field(default=None, compare=False)


class Pace:
    """How many requests may be under way: halved at each trouble, one more after a good round."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self._allowed = float(ceiling)

    @property
    def allowed(self) -> int:
        """Requests at once, at least one."""
        return int(self._allowed)

    def slower(self) -> None:
        """Note that the server could not keep up."""
        self._allowed = max(1.0, self._allowed / 2)

    def went_well(self) -> None:
        """Note a request that went well."""
        self._allowed = min(float(self.ceiling), self._allowed + 1 / self._allowed)


class Sweep:
    """One run over distinct targets. Make a new one for each run."""

    def __init__(
        self,
        deletion: Deletion,
        *,
        request_keys: int,
        requests: int,
        sendable: Callable[[Sequence[Target]], Sequence[Target]] = lambda targets: targets,
    ) -> None:
        self.deletion = deletion
        self.sendable = sendable  # called right before each request; returns what may still be sent
        self.request_keys = request_keys
        self.pace = Pace(requests)
        self._source: Iterator[Target] = iter(())
        self._waiting: list[_Batch] = []
        self._flying: dict[Future[list[Answer]], _Batch] = {}
        self._numbers = itertools.count()
        self._refused_in_a_row = 0
        self.given_up: Trouble | None = None
        self._until = time.monotonic() + PATIENCE

    def run(self, targets: Iterable[Target]) -> Iterator[Answer]:
        """Delete distinct targets; yield exactly one answer for each that is taken, in any order.

        They are taken a batch ahead of what is under way, so that the next are at hand when a
        request ends. After a failure none is taken before a request went well again, and none any
        more once `given_up` says why.
        """
        self._source = iter(targets)
        with ThreadPoolExecutor(self.pace.ceiling) as pool:
            while self._goes_on(pool):
                if self._is_over():
                    yield from self._give_up_waiting()
                answers = [
                    answer
                    for future in self._landed()
                    for answer in self._settle(self._flying.pop(future), future)
                ]
                self._launch(pool)  # before the answers are taken away, which may last
                yield from answers

    def _goes_on(self, pool: ThreadPoolExecutor) -> bool:
        """Send what is due, and take more where nothing else is to be sent; False at the end."""
        self._launch(pool)
        while self._wants_more() and (taken := list(islice(self._source, self.request_keys))):
            self._queue([t for t in taken if not must_go_singly(t)])
            self._queue_singly(t for t in taken if must_go_singly(t))
            self._launch(pool)
        return bool(self._waiting or self._flying)

    def _wants_more(self) -> bool:
        busy = self._waiting or self._flying
        return not (self._has_due() or (self._refused_in_a_row and busy) or self._is_over())

    def _has_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0].due <= time.monotonic()

    def _queue_singly(self, targets: Iterable[Target]) -> None:
        for target in targets:
            self._queue([target])

    def _queue(
        self,
        targets: Sequence[Target],
        *,
        failures: int = 0,
        trouble: Trouble | None = None,
    ) -> None:
        due = time.monotonic() + (pause(failures) if failures else 0)
        if targets:
            batch = _Batch(due, next(self._numbers), targets, failures, trouble)
            heapq.heappush(self._waiting, batch)

    def _halve(self, batch: _Batch, trouble: Trouble) -> None:
        """Queue both halves before everything else, so that each key is soon isolated.

        They count as failed once, so that halves that fail too are halved again immediately.
        """
        due = time.monotonic() + pause(1) if trouble.may_pass else batch.due
        middle = len(batch.targets) // 2
        for half in (batch.targets[middle:], batch.targets[:middle]):
            number = -next(self._numbers)
            heapq.heappush(self._waiting, _Batch(due, number, half, 1, trouble))

    def _launch(self, pool: ThreadPoolExecutor) -> None:
        now = time.monotonic()
        while len(self._flying) < self.pace.allowed and self._waiting and not self._is_over():
            if self._waiting[0].due > now:
                return
            batch = heapq.heappop(self._waiting)
            if len(batch.targets) > 1 and not self.deletion.batches_understood:
                self._queue_singly(batch.targets)
                now = time.monotonic()
            else:
                self._flying[pool.submit(self._send, batch.targets)] = batch

    def _send(self, targets: Sequence[Target]) -> list[Answer]:
        """Send what may still be sent. Checks it in the pool's thread, right before the request."""
        may = self.sendable(targets)
        answers = self.deletion.send(may) if may else []
        if len(may) == len(targets):
            return answers
        return answers + [Answer(t, OVER, own=False) for t in {*targets} - {*may}]

    def _landed(self) -> set[Future[list[Answer]]]:
        """Wait for the first answer, at most until the next batch is due."""
        idle = bool(self._waiting) and len(self._flying) < self.pace.allowed
        timeout = max(0.0, self._waiting[0].due - time.monotonic()) if idle else None
        if self._flying:
            return wait(self._flying, timeout, FIRST_COMPLETED).done
        time.sleep(timeout or 0)
        return set()

    def _settle(self, batch: _Batch, future: Future[list[Answer]]) -> Iterator[Answer]:
        try:
            answers = future.result()
        except Refusal as refusal:
            yield from self._refused(batch, refusal.trouble)
            return
        yield from self._read(batch, answers)

    def _read(self, batch: _Batch, answers: Sequence[Answer]) -> Iterator[Answer]:
        """Yield what is decided; queue again what may pass, together."""
        again: dict[str, list[Answer]] = {}
        for answer in answers:
            if answer.trouble is None or self._is_final(answer.trouble, batch.failures + 1):
                yield answer
            else:
                again.setdefault(answer.trouble.code, []).append(answer)
        troubles = [answer.trouble for answer in answers if answer.trouble]
        worst = next((t for t in troubles if t.may_pass or t.kind is Kind.WHOLE), None)
        alone = len(batch.targets) == 1
        in_vain = len(troubles) == len(answers) and (worst is not None or alone)
        self._note(worst or (troubles[0] if alone and troubles else None), in_vain=in_vain)
        for alike in again.values():
            targets = [answer.target for answer in alike]
            self._queue(targets, failures=batch.failures + 1, trouble=alike[0].trouble)

    def _refused(self, batch: _Batch, trouble: Trouble) -> Iterator[Answer]:
        """Decide about a batch of which nothing is known but that it failed as a whole."""
        self._note(trouble, in_vain=True)
        failures = batch.failures + 1
        if trouble.kind in (Kind.NO_BATCH, Kind.UNREAD):
            self._queue_singly(batch.targets)
        elif trouble.kind is Kind.KEY or (trouble.kind is Kind.PASSING and failures > 1):
            self._halve(batch, trouble)
        elif self._is_final(trouble, failures):
            yield from (Answer(target, trouble, own=False) for target in batch.targets)
        else:
            self._queue(batch.targets, failures=failures, trouble=trouble)

    def _is_final(self, trouble: Trouble, failures: int) -> bool:
        return not trouble.may_pass or failures >= TRIES

    def _note(self, trouble: Trouble | None, *, in_vain: bool) -> None:
        """Keep the pace, and count the requests that came to nothing one after the other."""
        self._refused_in_a_row = self._refused_in_a_row + 1 if in_vain else 0
        if trouble is None:
            self.pace.went_well()
            return
        if trouble.may_pass:
            self.pace.slower()
        most = MOST_REFUSALS if trouble.kind is Kind.KEY else GIVE_UP_AFTER
        if trouble.kind is Kind.WHOLE or self._refused_in_a_row >= most:
            self.given_up = trouble

    def _is_over(self) -> bool:
        if time.monotonic() > self._until:
            self.given_up = self.given_up or OUT_OF_TIME
        return self.given_up is not None

    def _give_up_waiting(self) -> Iterator[Answer]:
        waiting, self._waiting = self._waiting, []
        for batch in waiting:
            trouble = batch.trouble or self.given_up or OUT_OF_TIME
            yield from (Answer(target, trouble, own=False) for target in batch.targets)
