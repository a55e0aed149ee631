"""A storage that is throttling, overloaded or unreachable gets fewer requests."""

from __future__ import annotations

import pytest
from django.core.files.storage import InMemoryStorage

from moderation.storage import FileToErase, Outcome, Pace, Result, pause_after
from moderation.storage.generic import MAX_FAILURES, GenericAdapter
from moderation.storage.pace import FIRST_PAUSE, LONGEST_PAUSE
from tests.storage.conftest import ignore_versions


class TooManyRequests(Exception):
    """Has the attribute of Google's exceptions."""

    code = 429


class HttpResponseError(Exception):
    """Has the attribute of Azure's exceptions."""

    status_code = 503


class BusyStorage(InMemoryStorage):
    """Raises the given errors for the first deletions."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def delete(self, name: str) -> None:
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses instead of making them."""
    recorded: list[float] = []
    monkeypatch.setattr("moderation.storage.generic.time.sleep", recorded.append)
    return recorded


def erased(storage: BusyStorage, count: int) -> tuple[list[Outcome], int]:
    """Erase files; return the outcomes, and how many names were not consumed."""
    files = iter([FileToErase(f"{n}.jpg") for n in range(count)])
    outcomes = list(GenericAdapter(storage).erase(files, ignore_versions))
    return outcomes, len(list(files))


def test_requests_at_a_time_are_halved_by_errors_and_grow_with_successes() -> None:
    pace = Pace(8)
    pace.slow_down()
    pace.slow_down()
    assert pace.allowed == 2
    for _ in range(5):
        pace.slow_down()
    assert pace.allowed == 1
    for _ in range(100):
        pace.speed_up()
    assert pace.allowed == 8


def test_pauses_grow_with_each_failure_up_to_a_limit() -> None:
    for failures in range(1, 20):
        limit = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))
        assert all(0 <= pause_after(failures) <= limit for _ in range(50))


@pytest.mark.parametrize("error", [TooManyRequests, HttpResponseError])
def test_throttling_is_not_an_attempt_of_the_key(
    error: type[Exception], pauses: list[float]
) -> None:
    outcomes, _left = erased(BusyStorage(error("slow down")), 2)
    assert [(o.result, o.code, o.message, o.own, o.unsure) for o in outcomes] == [
        (Result.FAILED, error.__name__, "slow down", False, True),
        (Result.ERASED, "", "", True, False),
    ]
    assert len(pauses) == 1


@pytest.mark.parametrize("error", [TooManyRequests, TimeoutError, ConnectionResetError])
def test_names_are_left_for_a_later_claim_while_every_request_fails(
    error: type[Exception], pauses: list[float]
) -> None:
    outcomes, left = erased(BusyStorage(*(error() for _ in range(100))), 100)
    assert {outcome.result for outcome in outcomes} == {Result.FAILED}
    assert (len(outcomes), left) == (MAX_FAILURES, 100 - MAX_FAILURES)
    assert len(pauses) == MAX_FAILURES - 1


def test_a_success_ends_the_pauses(pauses: list[float]) -> None:
    outcomes, left = erased(BusyStorage(*(TimeoutError() for _ in range(MAX_FAILURES - 1))), 50)
    assert (len(outcomes), left, len(pauses)) == (50, 0, MAX_FAILURES - 1)
    assert [outcome.result for outcome in outcomes].count(Result.FAILED) == MAX_FAILURES - 1


def test_an_error_about_the_key_causes_no_pause(pauses: list[float]) -> None:
    outcomes, left = erased(BusyStorage(*(PermissionError(13) for _ in range(20))), 20)
    assert {(o.result, o.own) for o in outcomes} == {(Result.FAILED, True)}
    assert (left, pauses) == (0, [])
