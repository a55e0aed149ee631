"""Erasing on a bucket that keeps versions, where a plain deletion leaves the bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moderation.storage.base import NEWER_STAYS, WAS_MISSING, FileToErase, Result
from tests.services.faulty_proxy import Act, FaultyProxy, error_reply, faulty_proxy
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import Bucket, MakeBucket, erased, ignore_versions, some_keys


@pytest.fixture
def bucket(versioned_s3: S3Server, make_bucket: MakeBucket) -> Bucket:
    """A bucket that keeps versions."""
    return make_bucket(versioned_s3, versioned=True)


@pytest.fixture
def version_proxy(versioned_s3: S3Server) -> Iterator[FaultyProxy]:
    """A proxy in front of the server with versions."""
    with faulty_proxy(versioned_s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def shaky(versioned_s3: S3Server, version_proxy: FaultyProxy, make_bucket: MakeBucket) -> Bucket:
    """A bucket that keeps versions, behind the proxy."""
    return make_bucket(versioned_s3, endpoint=version_proxy.endpoint, versioned=True)


def versions(bucket: Bucket, key: str) -> list[str]:
    """Return the ids of all versions and delete markers of exactly this key."""
    listed = bucket.server.client.list_object_versions(Bucket=bucket.name, Prefix=key)
    entries = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
    return [entry["VersionId"] for entry in entries if entry["Key"] == key]


def suspend(bucket: Bucket) -> None:
    """Suspend versioning."""
    bucket.server.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Suspended"}
    )


def test_a_key_is_erased_with_all_versions_and_delete_markers(bucket: Bucket) -> None:
    bucket.put("p/a.png", "p/a.png", "p/b.png", "p/a.png.other")
    bucket.server.client.delete_object(Bucket=bucket.name, Key="p/a.png")
    listed_before = set(versions(bucket, "p/a.png"))
    outcomes = bucket.erase("p/a.png", "p/b.png")
    assert {(o.result, o.verified) for o in outcomes.values()} == {(Result.ERASED, True)}
    assert set(outcomes["p/a.png"].versions) == listed_before
    assert len(listed_before) == 3
    assert versions(bucket, "p/a.png") == versions(bucket, "p/b.png") == []
    assert len(versions(bucket, "p/a.png.other")) == 1


def test_all_pages_of_versions_are_read(bucket: Bucket) -> None:
    bucket.put(*["p/a.png"] * 5, "p/a.png2")
    bucket.adapter.client.meta.events.register(
        "provide-client-params.s3.ListObjectVersions", lambda params, **_: params | {"MaxKeys": 2}
    )
    assert len(bucket.erase("p/a.png")["p/a.png"].versions) == 5
    assert versions(bucket, "p/a.png") == []
    assert len(versions(bucket, "p/a.png2")) == 1


def test_key_without_versions_was_missing(bucket: Bucket) -> None:
    outcome = bucket.erase("p/never.png")["p/never.png"]
    assert (outcome.result, outcome.detail, outcome.verified) == (Result.ERASED, WAS_MISSING, True)


def test_a_version_that_was_written_since_stays(bucket: Bucket) -> None:
    bucket.put("p/a.png")
    listed_before = tuple(versions(bucket, "p/a.png"))
    bucket.put("p/a.png", body=b"somebody else's")
    outcome = erased(bucket.adapter, "p/a.png", **{"p/a.png": listed_before})["p/a.png"]
    assert (outcome.result, outcome.detail, outcome.versions) == (
        Result.NEWER_VERSION,
        NEWER_STAYS,
        listed_before,
    )
    assert len(versions(bucket, "p/a.png")) == 1
    read = bucket.server.client.get_object(Bucket=bucket.name, Key="p/a.png")
    assert read["Body"].read() == b"somebody else's"


def test_a_delete_marker_that_was_written_since_does_not_count(bucket: Bucket) -> None:
    bucket.put("p/a.png")
    listed_before = tuple(versions(bucket, "p/a.png"))
    bucket.server.client.delete_object(Bucket=bucket.name, Key="p/a.png")
    outcome = erased(bucket.adapter, "p/a.png", **{"p/a.png": listed_before})["p/a.png"]
    assert (outcome.result, outcome.verified) == (Result.ERASED, True)


def test_a_failed_attempt_reports_its_versions_and_the_next_deletes_only_these(
    shaky: Bucket, version_proxy: FaultyProxy
) -> None:
    shaky.put("p/a.png", "p/a.png")
    listed_before = versions(shaky, "p/a.png")
    version_proxy.faults.append(
        lambda request: error_reply(403, "AccessDenied", "Locked.") if request.deletes else None
    )
    failed = shaky.erase("p/a.png")["p/a.png"]
    assert (failed.result, failed.code, failed.message) == (
        Result.FAILED,
        "AccessDenied",
        "Locked.",
    )
    assert sorted(failed.versions) == sorted(listed_before)
    version_proxy.faults.clear()
    shaky.put("p/a.png")
    again = erased(shaky.adapter, "p/a.png", **{"p/a.png": failed.versions})["p/a.png"]
    assert again.result is Result.NEWER_VERSION
    assert len(versions(shaky, "p/a.png")) == 1


def test_versions_that_are_still_listed_are_not_erased(
    shaky: Bucket, version_proxy: FaultyProxy
) -> None:
    files = shaky.put(*some_keys(3))
    entries = "".join(
        f"<Deleted><Key>{k}</Key><VersionId>{versions(shaky, k)[0]}</VersionId></Deleted>"
        for k in files
    )
    body = f"<DeleteResult>{entries}</DeleteResult>".encode()
    wrong_reply = Act(reply=(200, "application/xml", body))
    version_proxy.faults.append(lambda request: wrong_reply if request.is_batch else None)
    outcomes = shaky.erase(*files)
    assert {(o.result, o.code) for o in outcomes.values()} == {(Result.FAILED, "VersionsLeft")}


def test_a_null_version_that_was_written_since_stays(bucket: Bucket) -> None:
    bucket.put("p/a.png")
    suspend(bucket)
    bucket.put("p/a.png")
    first = bucket.erase("p/a.png")["p/a.png"]
    assert first.result is Result.ERASED
    assert first.versions[0].startswith("null@")
    bucket.put("p/a.png", body=b"somebody else's")
    again = erased(bucket.adapter, "p/a.png", **{"p/a.png": first.versions})["p/a.png"]
    assert again.result is Result.NEWER_VERSION
    assert versions(bucket, "p/a.png") == ["null"]


@pytest.mark.parametrize("code", ["AccessDenied", "NotImplemented", "InvalidArgument"])
def test_versions_are_erased_if_the_server_does_not_say_that_it_keeps_them(
    shaky: Bucket, version_proxy: FaultyProxy, code: str
) -> None:
    files = shaky.put(*some_keys(3), "lone")
    version_proxy.faults.append(
        lambda r: error_reply(403, code) if r.path.endswith("?versioning") else None
    )
    shaky.adapter.request_keys = 3  # the last key is sent by DeleteObject
    outcomes = shaky.erase(*files)
    assert {(o.result, o.verified) for o in outcomes.values()} == {(Result.ERASED, True)}
    assert [versions(shaky, key) for key in files] == [[], [], [], []]


def test_versions_that_cannot_be_listed_fail_with_the_message_of_the_storage(
    shaky: Bucket, version_proxy: FaultyProxy
) -> None:
    files = shaky.put(*some_keys(2))
    version_proxy.faults.append(
        lambda r: error_reply(403, "AccessDenied", "No list.") if "?versions" in r.path else None
    )
    outcomes = shaky.erase(*files)
    assert {(o.result, o.message) for o in outcomes.values()} == {(Result.FAILED, "No list.")}
    assert [len(versions(shaky, key)) for key in files] == [1, 1]


def test_verify_finds_versions_behind_a_delete_marker(bucket: Bucket) -> None:
    bucket.put("p/hidden.png", "p/there.png")
    bucket.server.client.delete_object(Bucket=bucket.name, Key="p/hidden.png")
    assert bucket.adapter.verify(["p/hidden.png", "p/there.png", "p/none.png"]) == {
        "p/hidden.png": False,
        "p/there.png": False,
        "p/none.png": True,
    }


def test_a_version_that_cannot_be_deleted_fails_with_the_message_of_the_storage(
    shaky: Bucket, version_proxy: FaultyProxy
) -> None:
    shaky.put("p/a.png", "p/a.png")
    kept, deleted = versions(shaky, "p/a.png")
    entries = f"<Error><Key>p/a.png</Key><VersionId>{kept}</VersionId>"
    entries += "<Code>AccessDenied</Code><Message>Locked.</Message></Error>"
    entries += f"<Deleted><Key>p/a.png</Key><VersionId>{deleted}</VersionId></Deleted>"
    reply = f"<DeleteResult>{entries}</DeleteResult>".encode()
    version_proxy.faults.append(
        lambda r: Act(reply=(200, "application/xml", reply)) if r.is_batch else None
    )
    outcome = shaky.erase("p/a.png")["p/a.png"]
    assert (outcome.result, outcome.code, outcome.message) == (
        Result.FAILED,
        "AccessDenied",
        "Locked.",
    )


def test_outcomes_are_yielded_before_all_names_are_consumed(
    shaky: Bucket, version_proxy: FaultyProxy
) -> None:
    files = shaky.put(*some_keys(40))
    version_proxy.faults.append(
        lambda r: error_reply(403, "AccessDenied") if r.path.endswith("?versioning") else None
    )
    shaky.adapter.request_keys = 5
    not_consumed = iter([FileToErase(name) for name in files])
    outcomes = shaky.adapter.erase(not_consumed, ignore_versions)
    first = next(outcomes)
    assert (first.result, first.verified) == (Result.ERASED, True)
    assert len(list(not_consumed)) > 0, "not all names are consumed before the first outcome"
