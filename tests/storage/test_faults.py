"""Erasing while the server or the network fails: only the requested keys are erased."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from moderation.storage.base import FileToErase, Outcome, Result
from moderation.storage.s3 import batch_delete
from moderation.storage.s3.client import TRIES
from tests.services.faulty_proxy import Act, Fault, FaultyProxy, Request, error_reply, html_reply
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import Bucket, MakeBucket, ignore_versions, some_keys


def sometimes(act: Act, *, share: float = 0.3) -> Fault:
    """Apply the fault to this share of the deletions, the same ones in each run."""
    dice = random.Random(7)  # noqa: S311 - a test
    return lambda request: act if request.deletes and dice.random() < share else None


def once(act: Act) -> Fault:
    """Apply the fault to the first deletion only."""
    acts = [act]
    return lambda request: acts.pop() if request.deletes and acts else None


def always(act: Act, *, when: Callable[[Request], bool] = lambda request: request.deletes) -> Fault:
    """Apply the fault to each matching request."""
    return lambda request: act if when(request) else None


def names_key(key: str) -> Callable[[Request], bool]:
    """Return whether a deletion names the key, in its path or in its body."""
    return lambda r: r.deletes and (key.encode() in r.body or key in r.path)


def results(outcomes: dict[str, Outcome]) -> set[Result]:
    """Return the results that occur."""
    return {outcome.result for outcome in outcomes.values()}


@pytest.mark.parametrize(
    "act",
    [
        error_reply(503, "SlowDown"),
        error_reply(500, "InternalError"),
        html_reply(502),
        html_reply(200),
        Act(reset=True),
        Act(cut=True),
        Act(reply=(200, "application/xml", b"")),
        Act(reply=(200, "application/xml", b"<DeleteResult/>")),
    ],
    ids=["slow down", "500", "html 502", "html 200", "reset", "cut", "empty", "no answers"],
)
def test_every_key_is_erased_although_a_third_of_the_requests_fail(
    shaky: Bucket, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    monkeypatch.setattr(batch_delete, "TRIES", 12)  # so that no key fails by chance
    files, good = shaky.put(*some_keys(80)), shaky.put(*some_keys(10))
    shaky.adapter.request_keys = 8
    proxy.faults.append(sometimes(act))
    assert results(shaky.erase(*files)) == {Result.ERASED}
    assert shaky.keys == sorted(good)
    assert any(request.is_batch for request in proxy.seen)


@pytest.mark.parametrize("read_timeout", [2])
def test_stalled_requests_are_sent_again(
    shaky: Bucket, proxy: FaultyProxy, read_timeout: float
) -> None:
    files = shaky.put(*some_keys(20))
    proxy.faults.append(once(Act(delay=read_timeout + 1)))
    assert results(shaky.erase(*files)) == {Result.ERASED}
    assert shaky.keys == []


def test_errors_in_a_successful_reply_are_read_and_retried(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    files = shaky.put(*some_keys(6))
    denied, passing = files[0], files[1]

    def errors(request: Request) -> Act | None:
        if not request.is_batch:
            return None
        keys = re.findall(rb"<Key>(.*?)</Key>", request.body)
        codes = {denied.encode(): "AccessDenied"}
        if len(proxy.seen) < 4:
            codes[passing.encode()] = "InternalError"
        results = "".join(
            f"<Error><Key>{key.decode()}</Key><Code>{codes[key]}</Code><Message>No.</Message></Error>"
            if key in codes
            else f"<Deleted><Key>{key.decode()}</Key></Deleted>"
            for key in keys
        )
        body = f"<DeleteResult>{results}</DeleteResult>".encode()
        return Act(reply=(200, "application/xml", body))

    proxy.faults.append(errors)
    outcomes = shaky.erase(*files)
    failed = [outcome for outcome in outcomes.values() if outcome.result is not Result.ERASED]
    assert [(o.name, o.code, o.message) for o in failed] == [(denied, "AccessDenied", "No.")]


@pytest.mark.parametrize(
    "act", [error_reply(403, "AccessDenied", "Not this one."), error_reply(500, "InternalError")]
)
def test_bad_key_is_found_by_halving_and_stands_alone(
    shaky: Bucket, proxy: FaultyProxy, act: Act
) -> None:
    files = shaky.put(*some_keys(40))
    bad = files[17]
    proxy.faults.append(always(act, when=names_key(bad)))
    outcomes = shaky.erase(*files)
    failed = [name for name, outcome in outcomes.items() if outcome.result is Result.FAILED]
    assert failed == shaky.keys == [bad]
    assert outcomes[bad].code in ("AccessDenied", "InternalError")
    assert len(proxy.seen) < 30
    proxy.faults.clear()
    assert results(shaky.erase(bad)) == {Result.ERASED}
    assert shaky.keys == []


@pytest.mark.parametrize(
    "act",
    [
        error_reply(501, "NotImplemented"),
        error_reply(405, "MethodNotAllowed"),
        error_reply(400, "MissingContentMD5"),
        error_reply(400, "MalformedXML"),
        html_reply(200),
        html_reply(405),
    ],
)
def test_keys_go_singly_where_the_server_knows_no_batches(
    shaky: Bucket, proxy: FaultyProxy, act: Act
) -> None:
    files, good = shaky.put(*some_keys(12)), shaky.put(*some_keys(2))
    shaky.adapter.request_keys = 6
    proxy.faults.append(always(act, when=lambda request: request.is_batch))
    assert results(shaky.erase(*files)) == {Result.ERASED}
    assert shaky.keys == sorted(good)
    assert [r.method for r in proxy.seen if r.deletes].count("DELETE") == len(files)


@pytest.mark.parametrize("page", [b"<html><p>Hello</p></html>", b"<p>Hello<br>"])
@pytest.mark.parametrize("status", [200, 202, 302, 404])
def test_a_page_of_another_server_never_counts_as_a_deletion(
    shaky: Bucket, proxy: FaultyProxy, status: int, page: bytes
) -> None:
    files = shaky.put(*some_keys(3))
    proxy.faults.append(always(Act(reply=(status, "text/html", page))))
    assert results(shaky.erase(*files)) == {Result.FAILED}
    assert results(shaky.erase(files[0])) == {Result.FAILED}  # this one by DeleteObject
    assert shaky.keys == sorted(files)


def test_a_server_that_throttles_gets_fewer_requests(shaky: Bucket, proxy: FaultyProxy) -> None:
    files = shaky.put(*some_keys(40))
    shaky.adapter.request_keys = 10
    slow_down = error_reply(503, "SlowDown", "Reduce your request rate.").reply
    concurrent = []

    def overloaded(request: Request) -> Act | None:
        concurrent.append(proxy.concurrent)
        return Act(delay=0.03, reply=slow_down) if request.deletes else None

    proxy.faults.append(overloaded)
    outcomes = shaky.erase(*files)
    assert {(o.result, o.code, o.message) for o in outcomes.values()} == {
        (Result.FAILED, "SlowDown", "Reduce your request rate.")
    }
    assert sum(request.deletes for request in proxy.seen) == 4 * TRIES
    assert set(concurrent[-10:]) == {1}


def test_a_server_that_rejects_everything_is_given_up(
    shaky: Bucket, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_delete, "MAX_KEY_FAILURES", 20)
    shaky.adapter.request_keys = 100
    proxy.faults.append(always(error_reply(403, "AccessDenied", "Not you.")))
    outcomes = shaky.erase(*some_keys(400))
    assert {(o.result, o.code) for o in outcomes.values()} == {(Result.FAILED, "AccessDenied")}
    assert len(proxy.seen) < 40


def test_time_is_bounded(
    shaky: Bucket, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_delete, "TIME_LIMIT", 0.3)
    shaky.adapter.request_keys = 1
    proxy.faults.append(always(Act(delay=0.1)))
    files = shaky.put(*some_keys(60))
    not_consumed = iter([FileToErase(name) for name in files])
    outcomes = list(
        shaky.adapter.erase(not_consumed, ignore_versions)
    )  # 60 requests of 0.1 s, four in parallel
    failed = [outcome for outcome in outcomes if outcome.result is Result.FAILED]
    assert {outcome.code for outcome in failed} <= {"OutOfTime"}
    assert len(outcomes) - len(failed) == 60 - len(shaky.keys)
    assert len(outcomes) + len(list(not_consumed)) == 60, (
        "one outcome for each name that was consumed"
    )
    assert len(outcomes) < 60


def test_a_missing_bucket_fails_each_key_with_the_message_of_the_server(
    s3_gateway: S3Server, bucket: Bucket
) -> None:
    s3_gateway.client.delete_bucket(Bucket=bucket.name)
    outcomes = bucket.erase(*some_keys(5))
    assert {(o.result, o.code) for o in outcomes.values()} == {(Result.FAILED, "NoSuchBucket")}
    assert all("does not exist" in outcome.message for outcome in outcomes.values())
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.adapter.verify(["posts/a.png"])
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.adapter.read_identity_file()


def test_a_server_that_is_down_fails_one_key_and_consumes_no_other(
    s3_gateway: S3Server, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(s3_gateway, endpoint="http://127.0.0.1:9")
    not_consumed = iter([FileToErase(name) for name in some_keys(3)])
    (outcome,) = bucket.adapter.erase(not_consumed, ignore_versions)
    assert (outcome.result, outcome.code) == (Result.FAILED, "EndpointConnectionError")
    assert len(list(not_consumed)) == 2


def test_botocore_does_not_retry_as_well(shaky: Bucket, proxy: FaultyProxy) -> None:
    """Its retries would multiply with those of the adapter."""
    proxy.faults.append(always(error_reply(500, "InternalError")))
    shaky.erase("posts/a.png")
    assert sum(request.deletes for request in proxy.seen) == TRIES
