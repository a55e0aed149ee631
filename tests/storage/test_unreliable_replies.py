"""Replies of S3 and its clones that say nothing about a key do not count as its deletion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from moderation.storage import Result, verify_identity, write_identity
from moderation.storage.base import LEASE_EXPIRED, FileToErase
from moderation.storage.lease import Lease, Moment
from moderation.storage.s3.errors import NO_ANSWER
from moderation.storage.s3.requests import Answer, Target, read_reply
from tests.services.faulty_proxy import Act, FaultyProxy, Request, error_reply, faulty_proxy
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import Bucket, MakeBucket, ignore_versions, some_keys

TWO = [Target("a"), Target("b")]
NO_ANSWERS = [Answer(target, NO_ANSWER) for target in TWO]


@pytest.mark.parametrize(
    "reply",
    [
        {"Deleted": [{}, {}], "Errors": [{"Code": "InternalError"}]},
        {"Deleted": [{}, {}], "Errors": [{"Key": "c", "Code": "AccessDenied"}]},
        {"Deleted": [{}, {}, {"Key": "c"}]},
        {"Deleted": [{}, {}, {}]},
    ],
)
def test_nameless_successes_do_not_count_if_the_reply_names_a_key_that_was_not_requested(
    reply: Any,
) -> None:
    assert read_reply(TWO, reply) == NO_ANSWERS


def keys_in(request: Request) -> list[str]:
    """Return the keys that a deletion names."""
    if request.is_batch:
        return re.findall("<Key>(.*?)</Key>", request.body.decode())
    return [unquote(urlsplit(request.path).path).split("/", 2)[2]]


@pytest.mark.parametrize("good_at", [0, 150, 300])
def test_a_key_among_300_forbidden_ones_is_erased_and_only_separate_answers_are_attempts(
    shaky: Bucket, proxy: FaultyProxy, good_at: int
) -> None:
    keys = shaky.put(*some_keys(5)) + some_keys(296)
    good, forbidden = keys[0], set(keys[1:])
    keys.insert(good_at, keys.pop(0))

    def refuse(request: Request) -> Act | None:
        named = keys_in(request) if request.deletes else []
        return error_reply(403, "AccessDenied") if forbidden & set(named) else None

    proxy.faults.append(refuse)
    outcomes = shaky.erase(*keys)
    assert outcomes.pop(good).result is Result.ERASED
    alone = {keys_in(r)[0] for r in proxy.seen if r.deletes and len(keys_in(r)) == 1}
    assert {o.result for o in outcomes.values()} == {Result.FAILED}
    assert {name for name, outcome in outcomes.items() if outcome.own} == alone - {good}


def test_a_request_that_failed_as_a_whole_does_not_count_as_an_attempt(
    shaky: Bucket, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moderation.storage.s3 import batch_delete

    monkeypatch.setattr(batch_delete, "MAX_KEY_FAILURES", 4)
    proxy.faults.append(lambda r: error_reply(403, "AccessDenied") if r.deletes else None)
    outcomes = shaky.erase(*some_keys(64))
    assert {o.own for o in outcomes.values()} == {False}
    assert {o.unsure for o in outcomes.values()} == {True}


def test_nothing_is_retried_after_the_lease_has_expired(shaky: Bucket, proxy: FaultyProxy) -> None:
    lease = Lease(300, Moment.now())
    names = shaky.put(*some_keys(6))

    def overloaded(request: Request) -> Act | None:
        if not request.deletes:
            return None
        lease.end()  # as after a suspension: the request is running, and no other may follow
        return error_reply(503, "SlowDown")

    proxy.faults.append(overloaded)
    files = [FileToErase(name, lease=lease) for name in names]
    outcomes = list(shaky.adapter.erase(files, ignore_versions))
    assert sum(request.deletes for request in proxy.seen) == 1
    assert {(o.code, o.own, o.unsure) for o in outcomes} == {(LEASE_EXPIRED, False, True)}
    assert shaky.keys == sorted(names)


def listing(keys: Sequence[str], *, truncated: bool) -> Act:
    """Return a page of a listing with unencoded keys."""
    entries = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys)
    body = f"<ListBucketResult><IsTruncated>{str(truncated).lower()}</IsTruncated>{entries}"
    return Act(reply=(200, "application/xml", f"{body}</ListBucketResult>".encode()))


def is_listing(request: Request) -> bool:
    return "list-type=2" in request.path


Order = Callable[[list[str]], list[str]]


def out_of_order(bucket: Bucket, order: Order, page: int) -> Callable[[Request], Act | None]:
    """List the bucket in another order, with `page` keys per page."""

    def answer(request: Request) -> Act | None:
        if not is_listing(request):
            return None
        query = parse_qs(urlsplit(request.path).query)
        prefix, start = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        found = [k for k in order(bucket.keys) if k.startswith(prefix) and k > start]
        return listing(found[:page], truncated=len(found) > page)

    return answer


def reversed_keys(keys: list[str]) -> list[str]:
    return keys[::-1]


def interleaved(keys: list[str]) -> list[str]:
    return keys[1::2] + keys[::2]


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
@pytest.mark.parametrize("order", [reversed_keys, interleaved])
def test_no_existing_key_counts_as_absent_if_listings_are_out_of_order(
    shaky: Bucket, proxy: FaultyProxy, order: Order, page: int
) -> None:
    first, *absent = sorted(some_keys(4))
    present = shaky.put(first, *some_keys(30))
    absent.append("posts/0.png")  # comes before all others
    proxy.faults.append(out_of_order(shaky, order, page))
    absence = shaky.adapter.verify(present + absent)
    assert [key for key in present if absence[key]] == []
    assert all(absence[key] for key in absent)


@pytest.mark.parametrize("page", [b"<html><p>Hello</p></html>", b"<ListBucketResult/>"])
def test_a_page_that_is_not_a_listing_says_nothing_about_a_key(
    shaky: Bucket, proxy: FaultyProxy, page: bytes
) -> None:
    present = shaky.put(*some_keys(3))
    reply = Act(reply=(200, "application/xml", page))
    proxy.faults.append(lambda request: reply if is_listing(request) else None)
    assert set(shaky.adapter.verify(present).values()) == {False}


@pytest.mark.parametrize("odd", ["p/a\rb.png", "p/a\tb.png", " p.png"])
def test_keys_that_xml_changes_are_requested_separately(
    versioned_s3: S3Server, make_bucket: MakeBucket, odd: str
) -> None:
    bucket = make_bucket(versioned_s3)
    bucket.put(odd, "p/b.png")
    assert bucket.adapter.verify([odd, "p/b.png"]) == {odd: False, "p/b.png": False}
    assert bucket.erase(odd)[odd].result is Result.ERASED
    assert bucket.adapter.verify([odd, "p/b.png"]) == {odd: True, "p/b.png": False}


@pytest.fixture
def versioned(versioned_s3: S3Server, make_bucket: MakeBucket) -> Bucket:
    """Return a versioned bucket on a server that lists keys unencoded."""
    return make_bucket(versioned_s3, versioned=True)


@pytest.mark.parametrize("odd", ["p/a\rb.png", "p/a\x85b.png"])
def test_a_versioned_key_that_listings_cannot_represent_never_counts_as_erased(
    versioned: Bucket, odd: str
) -> None:
    versioned.put(odd, "p/b.png")
    outcomes = versioned.erase(odd, "p/b.png")
    assert outcomes["p/b.png"].result is Result.ERASED
    assert (outcomes[odd].result, outcomes[odd].code) == (Result.FAILED, "UnlistableKey")
    read = versioned.server.client.get_object(Bucket=versioned.name, Key=odd)
    assert read["Body"].read() == b"picture"


@pytest.fixture
def version_proxy(versioned_s3: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(versioned_s3.endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize("order", ["longer first", "one a page"])
def test_versions_after_a_page_of_longer_keys_are_found_or_the_key_fails(
    versioned_s3: S3Server, version_proxy: FaultyProxy, make_bucket: MakeBucket, order: str
) -> None:
    bucket = make_bucket(versioned_s3, endpoint=version_proxy.endpoint, versioned=True)
    bucket.put("p/a", "p/ab", "p/ac")
    longer = ["p/ac", "p/ab"] if order == "longer first" else ["p/ab"]
    entries = "".join(
        f"<Version><Key>{key}</Key><VersionId>v</VersionId></Version>" for key in longer
    )
    page = (
        "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>p/ab</NextKeyMarker>"
        f"<NextVersionIdMarker>v</NextVersionIdMarker>{entries}</ListVersionsResult>"
    )
    reply = Act(reply=(200, "application/xml", page.encode()))
    version_proxy.faults.append(
        lambda r: reply if "versions" in r.path and "key-marker" not in r.path else None
    )
    outcome = bucket.erase("p/a")["p/a"]
    assert outcome.result is Result.FAILED
    bucket.server.client.get_object(Bucket=bucket.name, Key="p/a")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "act", [Act(cut=True), Act(edit=lambda body: body[: len(body) // 2]), Act(reset=True)]
)
def test_a_truncated_identity_file_is_requested_again(
    shaky: Bucket, proxy: FaultyProxy, act: Act
) -> None:
    row = write_identity("default")
    acts = [act]
    proxy.faults.append(lambda r: acts.pop() if r.method == "GET" and acts else None)
    verify_identity("default", row.identity)
    assert acts == []
