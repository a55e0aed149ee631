"""A whole removal while the storage misbehaves: each file ends erased or visibly failed.

A proxy before the real gateway does what overloaded servers, broken networks and strangers do. The
adapter's own tests look at single requests; these look at the audit log and at the bucket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings
from django.utils import timezone

from moderation.lifecycle.entries import retry as retry_entries
from moderation.lifecycle.removals import retry
from moderation.models import AuditEntry, AuditEvent, Removal, StorageIdentity
from moderation.purge.run import purge_due_files
from moderation.removals.progress import numbers
from tests.faults.conftest import MakeWave, Wave
from tests.faults.file_stores import Bucket
from tests.faults.purging import deleted, now_and_then, purge, run, site_behind
from tests.services.faulty_proxy import Act, Fault, FaultyProxy, Request, error_reply, faulty_proxy
from tests.services.faulty_proxy import html_reply as html
from tests.services.s3_gateway import S3Server

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = 40


@pytest.fixture
def proxy(s3_gateway: S3Server) -> Iterator[FaultyProxy]:
    """A proxy before the gateway, without faults yet."""
    with faulty_proxy(s3_gateway.endpoint) as running:
        yield running


@pytest.fixture
def read_timeout() -> float:
    """Seconds that the site waits for an answer: more than a busy machine needs for one."""
    return 60


@pytest.fixture
def wave(
    proxy: FaultyProxy,
    s3_gateway: S3Server,
    fresh_storage: object,
    make_wave: MakeWave,
    read_timeout: float,
) -> Iterator[Wave]:
    """Posts whose files the site reaches through the proxy, and the test past it."""
    name = s3_gateway.make_bucket()
    with site_behind(proxy, s3_gateway, name, read_timeout=read_timeout):
        yield make_wave(POSTS, Bucket(s3_gateway, name))


def to_deletions(act: Act, *, times: int = 1_000_000) -> Fault:
    """Do it to so many deletions."""
    acts = iter(range(times))
    return lambda request: act if request.deletes and next(acts, None) is not None else None


def failures(removal: Removal) -> dict[tuple[str, str], set[str]]:
    """The names that failed, by what the audit log says of them."""
    found: dict[tuple[str, str], set[str]] = {}
    for entry in AuditEntry.objects.filter(removal=removal, state="failed"):
        found.setdefault((entry.error_code, entry.error), set()).add(entry.name)
    return found


def assert_each_counts_once(removal: Removal) -> None:
    counted = numbers(removal)
    ends = counted["erased"] + counted["in_use"] + counted["failed"]
    assert (ends, counted["entries"]) == (removal.files_total, removal.files_total)
    assert counted["deleted"] == removal.objects_total == POSTS


def assert_retry_finishes_the_rest(removal: Removal, wave: Wave, proxy: FaultyProxy) -> None:
    proxy.faults.clear()
    before = numbers(removal)
    retry(removal, actor=wave.moderator)
    event = AuditEvent.objects.get(removal=removal, type="retry")
    assert event.details == {"batches": 0, "entries": before["failed"]}
    purge(removal)
    after = numbers(removal)
    assert after["failed"] == 0
    assert after["erased"] == before["erased"] + before["failed"]
    assert after["in_use"] == before["in_use"] == 2  # the picture and the thumbnail of a good post
    assert wave.problems(removal) == []
    assert_each_counts_once(removal)


@pytest.mark.parametrize(
    "act",
    [
        error_reply(503, "SlowDown"),
        Act(reset=True),
        Act(cut=True),
        html(200),
        html(502),
        Act(reply=(200, "application/xml", b"<DeleteResult/>")),
    ],
    ids=["slow down", "reset", "cut short", "html 200", "html 502", "no answers"],
)
def test_all_is_erased_though_a_third_of_all_requests_fails(
    wave: Wave, proxy: FaultyProxy, act: Act
) -> None:
    with override_settings(MODERATION_MAX_ATTEMPTS=50):  # so that chance alone parks no key
        proxy.faults.append(now_and_then(act))
        removal = run(wave)
    assert removal.state == "done"
    assert numbers(removal)["failed"] == 0
    assert wave.problems(removal) == []
    assert_each_counts_once(removal)


@pytest.mark.parametrize("read_timeout", [1])
def test_all_is_erased_though_requests_stall(
    wave: Wave, proxy: FaultyProxy, read_timeout: float
) -> None:
    proxy.faults.append(to_deletions(Act(delay=read_timeout + 0.5), times=4))
    with override_settings(MODERATION_MAX_ATTEMPTS=50):  # so that a slow gateway parks no key
        removal = run(wave)
    assert numbers(removal)["failed"] == 0
    assert wave.problems(removal) == []
    assert_each_counts_once(removal)


def refused_keys(denied: set[str]) -> Fault:
    """Answer 200 with `Errors`: these keys are denied, the others of their batch retried later."""

    def fault(request: Request) -> Act | None:
        single = next((name for name in denied if request.path.endswith(name)), None)
        if request.method == "DELETE" and single:
            return error_reply(403, "AccessDenied", "Object is locked.")
        keys = {key.decode() for key in re.findall(rb"<Key>(.*?)</Key>", request.body)}
        if not request.is_batch or not keys & denied:
            return None
        errors = "".join(f"<Error><Key>{key}</Key>{_words(key in denied)}</Error>" for key in keys)
        reply = f"<DeleteResult>{errors}</DeleteResult>"
        return Act(reply=(200, "application/xml", reply.encode()))

    return fault


def _words(denied: bool) -> str:
    code, message = ("AccessDenied", "Object is locked.") if denied else ("InternalError", "Again.")
    return f"<Code>{code}</Code><Message>{message}</Message>"


def refused_batches(denied: set[str]) -> Fault:
    """Answer 403 to each request that names one of the keys, alone or among others."""
    denied_reply = error_reply(403, "AccessDenied", "Object is locked.")

    def fault(request: Request) -> Act | None:
        named = any(name.encode() in request.body or name in request.path for name in denied)
        return denied_reply if request.deletes and named else None

    return fault


@pytest.mark.parametrize("refused", [refused_keys, refused_batches])
def test_denied_keys_fail_by_the_storages_own_words_and_only_they(
    wave: Wave, proxy: FaultyProxy, refused: Callable[[set[str]], Fault]
) -> None:
    denied = {name for _row, name in sorted(wave.before.removed)[10:60:10]}
    proxy.faults.append(refused(denied))
    removal = run(wave)
    assert failures(removal) == {("AccessDenied", "Object is locked."): denied}
    assert removal.state == "done"
    assert wave.problems(removal) == []
    assert_each_counts_once(removal)
    assert_retry_finishes_the_rest(removal, wave, proxy)


@pytest.mark.parametrize(
    ("act", "code", "words"),
    [
        (error_reply(503, "SlowDown", "Reduce your rate."), "SlowDown", "Reduce your rate."),
        (html(200), "500", "Internal Server Error"),  # so botocore calls a page that is not XML
        (Act(reset=True), "ConnectionClosedError", "Connection was closed"),
    ],
    ids=["slow down", "html", "reset"],
)
def test_when_no_deletion_passes_every_key_says_why_and_goes_when_one_does(
    wave: Wave, proxy: FaultyProxy, act: Act, code: str, words: str
) -> None:
    """A request that fails as a whole does not count as an attempt for its keys, which wait."""
    removal = deleted(wave)
    proxy.faults.append(to_deletions(act))
    for _ in range(3):
        purge_due_files()
    tried = removal.entries.exclude(error_code="")
    assert set(tried.values_list("error_code", flat=True)) == {code}
    assert all(words in said for said in tried.values_list("error", flat=True))
    assert numbers(removal)["erased"] == 0
    assert wave.file_store.names() == {name for _row, name in wave.before.files}
    proxy.faults.clear()
    retry_entries(removal.entries.all())  # those that failed alone, again and again
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now())
    purge(removal)
    assert removal.state == "done"
    assert wave.problems(removal) == []


@pytest.mark.parametrize("act", [html(200), error_reply(403, "AccessDenied"), Act(reset=True)])
def test_a_storage_that_cannot_be_verified_costs_no_attempts(
    wave: Wave, proxy: FaultyProxy, act: Act
) -> None:
    removal = deleted(wave)
    proxy.faults.append(lambda _request: act)
    purge_due_files()
    assert {e.attempts for e in AuditEntry.objects.all()} == {0}
    assert "default" in StorageIdentity.objects.get(alias="default").problem
    assert not any(request.deletes for request in proxy.seen)
    proxy.faults.clear()
    purge(removal)
    assert StorageIdentity.objects.get(alias="default").problem == ""
    assert wave.problems(removal) == []
