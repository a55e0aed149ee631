"""Erasing on a bucket without versions, against a real gateway."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.storage.base import IDENTITY_FILE, WAS_MISSING, FileToErase, Result
from moderation.storage.s3.adapter import full_key
from moderation.storage.s3.errors import NO_ANSWER, classify_code
from moderation.storage.s3.requests import Answer, DeleteClient, Target, read_reply
from tests.services.faulty_proxy import Act, FaultyProxy, error_reply
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import Bucket, MakeBucket, ignore_versions, some_keys

segments = st.text(st.sampled_from("ab.-_ é%+&<>'\"?#*~\t\n"), min_size=1, max_size=8)
names = st.lists(segments, min_size=1, max_size=3).map("/".join)


def test_key_is_the_one_under_which_django_storages_saves(
    s3_gateway: S3Server, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(s3_gateway, location="media/site")
    saved = [
        storages["default"].save(name, ContentFile(b"x"))
        for name in ("a.png", "posts/b c.png", "posts/é%2B.png")
    ]
    assert sorted(bucket.adapter.key(name) for name in saved) == bucket.keys
    assert bucket.adapter.key("posts//x/../b.png") == "media/site/posts/b.png"
    assert bucket.adapter.key("posts\\b.png") == "media/site/posts/b.png"
    assert bucket.adapter.location() == f"s3://{bucket.name}/media/site"


@pytest.mark.parametrize(
    ("location", "name"),
    [
        *itertools.product(
            ["", "media"],
            [
                "",
                ".",
                "/",
                "./",
                "a/..",
                "folder/",
                "\ud800",
                "x" * 1025,
                IDENTITY_FILE,
                f"inner/{IDENTITY_FILE}",
            ],
        ),
        # Without a location django-storages takes these for names at the bucket's root.
        *itertools.product(["media"], ["../x", "a/../../x", "../media", "../mediaother"]),
    ],
)
def test_a_name_that_is_not_that_of_a_file_is_refused(
    s3_gateway: S3Server, make_bucket: MakeBucket, location: str, name: str
) -> None:
    bucket = make_bucket(s3_gateway, location=location)
    good = bucket.put("media/good.png", "good.png")
    with pytest.raises(ValueError, match=r"."):
        bucket.adapter.key(name)
    assert bucket.erase(name)[name].code == "InvalidName"
    assert bucket.keys == sorted(good)


@settings(max_examples=200, deadline=None)
@given(name=names, location=st.sampled_from(["", "media"]))
def test_key_never_leaves_the_location_nor_names_it(name: str, location: str) -> None:
    from storages.backends.s3 import S3Storage

    try:
        key = full_key(S3Storage(bucket_name="b", location=location), name)
    except ValueError:
        return
    assert key.startswith(f"{location}/" if location else "")
    assert key.strip("/") not in ("", location)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shapes=st.lists(
        st.text(st.sampled_from("ab-_ é%+&<>'\"?#*~;,:@=$!()"), min_size=1, max_size=12).map(
            lambda text: f"s{text}e"
        ),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_keys_of_every_shape_are_erased_and_similar_ones_stay(
    bucket: Bucket, shapes: list[str]
) -> None:
    files = bucket.put(*(f"in/{shape}" for shape in shapes))
    similar = bucket.put(*(f"in/{shape}.other" for shape in shapes))
    outcomes = bucket.erase(*files)
    assert {outcome.result for outcome in outcomes.values()} == {Result.ERASED}
    assert bucket.keys == sorted(similar)
    bucket.erase(*similar)


def test_many_keys_are_erased_by_several_requests_at_a_time(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    files, good = shaky.put(*some_keys(60)), shaky.put(*some_keys(5))
    shaky.adapter.request_keys = 10
    proxy.faults.append(lambda request: Act(delay=0.05) if request.deletes else None)
    outcomes = shaky.erase(*files)
    assert {outcome.result for outcome in outcomes.values()} == {Result.ERASED}
    assert shaky.keys == sorted(good)
    assert sum(request.is_batch for request in proxy.seen) == 6
    assert 1 < proxy.most_concurrent <= shaky.adapter.requests


def test_batch_carries_content_md5(shaky: Bucket, proxy: FaultyProxy) -> None:
    shaky.erase(*some_keys(2))
    shaky.erase(*some_keys(2))
    batches = [request for request in proxy.seen if request.is_batch]
    assert len(batches) == 2  # the gateway refuses a batch without it, so none was sent twice
    assert all(request.headers["Content-MD5"] for request in batches)


def test_keys_with_control_characters_are_sent_separately(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    good, odd = shaky.put(*some_keys(3)), ["odd/a\x01b", "odd/tab\t"]
    outcomes = shaky.erase(*good, *odd)
    assert {outcome.result for outcome in outcomes.values()} == {Result.ERASED}
    assert [r.method for r in proxy.seen if r.deletes].count("DELETE") == 2
    assert shaky.keys == []


def test_a_key_with_two_names_is_sent_once_and_each_name_has_an_outcome(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    shaky.put("posts/a.png")
    outcomes = shaky.erase("posts/a.png", "posts//a.png", "posts/b.png")
    assert {outcome.result for outcome in outcomes.values()} == {Result.ERASED}
    assert next(r.body for r in proxy.seen if r.is_batch).count(b"<Key>") == 2


def test_a_missing_key_counts_as_erased_without_a_separate_request(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    outcomes = shaky.erase("posts/never.png", "posts/was.png")
    assert {(o.result, o.verified) for o in outcomes.values()} == {(Result.ERASED, False)}
    assert sum(request.deletes for request in proxy.seen) == 1


def test_names_are_consumed_as_requests_need_them(bucket: Bucket) -> None:
    adapter, consumed = bucket.adapter, 0

    def files() -> Iterator[FileToErase]:
        nonlocal consumed
        for number in range(10 * adapter.request_keys):
            consumed += 1
            yield FileToErase(f"posts/{number}.png")

    outcomes = adapter.erase(files(), ignore_versions)
    assert next(outcomes).result is Result.ERASED
    assert consumed <= adapter.request_keys * (adapter.requests + 2), (
        "a batch ahead of the requests"
    )
    assert len(list(outcomes)) == 10 * adapter.request_keys - 1


def test_a_request_never_has_more_than_a_thousand_keys(bucket: Bucket) -> None:
    deletion = DeleteClient(bucket.adapter.client, bucket.name)
    with pytest.raises(ValueError, match="1001"):
        deletion.send([Target(f"k{number}") for number in range(1001)])


def test_batch_size_and_requests_come_from_the_settings(
    s3_gateway: S3Server, make_bucket: MakeBucket
) -> None:
    with override_settings(MODERATION_REQUEST_KEYS=7, MODERATION_REQUESTS=64):
        adapter = make_bucket(s3_gateway).adapter
        assert adapter.request_keys == 7
        # More requests than connections would only wait for one another.
        assert adapter.requests == adapter.client.meta.config.max_pool_connections  # type: ignore[attr-defined]


def test_verify_returns_what_is_absent(bucket: Bucket) -> None:
    present = bucket.put("posts/b.png", "posts/bb.png", "lone", "posts/sub/x.png")
    absent = ["posts/a.png", "posts/b", "posts/bb.pn", "posts/zz", "lon", "lonely", "posts/sub"]
    wanted = dict.fromkeys(present, False) | dict.fromkeys(absent, True)
    assert bucket.adapter.verify(list(wanted)) == wanted


def test_verify_sends_one_request_for_adjacent_keys(shaky: Bucket, proxy: FaultyProxy) -> None:
    keys = shaky.put(*some_keys(30))
    shaky.adapter.client  # noqa: B018 - both are cached before the requests are counted
    shaky.adapter.keeps_versions  # noqa: B018
    proxy.seen.clear()
    assert set(shaky.adapter.verify(keys).values()) == {False}
    assert len(proxy.seen) == 1


def test_verify_sends_another_request_after_a_short_page(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = bucket.put(*(f"f/{n:02}" for n in range(12)))
    list_objects = bucket.adapter.client.list_objects_v2
    monkeypatch.setattr(
        bucket.adapter.client, "list_objects_v2", lambda **given: list_objects(**given, MaxKeys=2)
    )
    absent = ["f/00x", "f/05x", "f/99"]
    wanted = dict.fromkeys(keys[::2], False) | dict.fromkeys(absent, True)
    assert bucket.adapter.verify(list(wanted)) == wanted


TWO = [Target("a"), Target("b")]


@pytest.mark.parametrize(
    ("reply", "answers"),
    [
        ({"Deleted": [{"Key": "a"}, {"Key": "b"}]}, [Answer(TWO[0]), Answer(TWO[1])]),
        ({"Deleted": [{}, {}]}, [Answer(TWO[0]), Answer(TWO[1])]),
        ({"Deleted": [{}]}, [Answer(TWO[0], NO_ANSWER), Answer(TWO[1], NO_ANSWER)]),
        ({}, [Answer(TWO[0], NO_ANSWER), Answer(TWO[1], NO_ANSWER)]),
        ({"Deleted": [{"Key": "b"}]}, [Answer(TWO[0], NO_ANSWER), Answer(TWO[1])]),
        ({"Deleted": [{"Key": "c"}]}, [Answer(TWO[0], NO_ANSWER), Answer(TWO[1], NO_ANSWER)]),
        (
            {"Deleted": [{}], "Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "No"}]},
            [Answer(TWO[0], classify_code("AccessDenied", "No")), Answer(TWO[1])],
        ),
        (
            {
                "Deleted": [{"Key": "a"}, {"Key": "b"}],
                "Errors": [{"Key": "a", "Code": "InternalError", "Message": "Oh"}],
            },
            [Answer(TWO[0], classify_code("InternalError", "Oh")), Answer(TWO[1])],
        ),
        (
            {"Deleted": [{"Key": "a", "DeleteMarker": True, "DeleteMarkerVersionId": "v"}, {}]},
            [Answer(TWO[0], created_marker=True), Answer(TWO[1])],
        ),
        (
            {"Deleted": [{"Key": "a", "VersionId": "null"}], "Errors": [{"Code": "NoSuchKey"}]},
            [Answer(TWO[0]), Answer(TWO[1], NO_ANSWER)],
        ),
        (
            {"Errors": [{"Key": "a", "Code": "NoSuchKey"}, {"Key": "b", "Code": "NoSuchKey"}]},
            [Answer(TWO[0], missing=True), Answer(TWO[1], missing=True)],
        ),
    ],
)
def test_reply_to_a_batch_is_read_key_by_key(reply: Any, answers: list[Answer]) -> None:
    assert read_reply(TWO, reply) == answers


def test_a_key_that_the_server_reports_as_missing_gets_the_detail(
    shaky: Bucket, proxy: FaultyProxy
) -> None:
    proxy.faults.append(lambda r: error_reply(404, "NoSuchKey") if r.deletes else None)
    outcome = shaky.erase("posts/a.png")["posts/a.png"]
    assert (outcome.result, outcome.detail) == (Result.ERASED, WAS_MISSING)
