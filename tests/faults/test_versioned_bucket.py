"""A whole removal on a bucket that keeps versions, while the storage misbehaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import override_settings
from django.utils import timezone

from moderation.lifecycle.removals import retry
from moderation.models import AuditEntry, Removal
from moderation.purge import run as purge_run
from moderation.purge.run import purge_due_files
from moderation.storage.base import IDENTITY_FILE, NEWER_STAYS
from tests.faults.conftest import MakeWave, Wave
from tests.faults.file_stores import Bucket
from tests.faults.purging import deleted, now_and_then, purge, run, site_behind
from tests.services.faulty_proxy import Act, Fault, FaultyProxy, Request, error_reply, faulty_proxy
from tests.services.s3_gateway import S3Server

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = 8


class Killed(BaseException):
    """What ends a worker: nothing of ours catches it."""


@pytest.fixture
def proxy(versioned_s3: S3Server) -> Iterator[FaultyProxy]:
    """A proxy before the server, without faults yet."""
    with faulty_proxy(versioned_s3.endpoint) as running:
        yield running


@pytest.fixture
def bucket(versioned_s3: S3Server) -> Bucket:
    return Bucket(versioned_s3, versioned_s3.make_bucket(versioned=True))


@pytest.fixture
def wave(
    proxy: FaultyProxy, bucket: Bucket, fresh_storage: object, make_wave: MakeWave
) -> Iterator[Wave]:
    """Posts whose files have several versions, and of which some were deleted already."""
    with site_behind(proxy, bucket.server, bucket.name):
        wave = make_wave(POSTS, bucket)
        names = sorted({name for _row, name in wave.before.removed})
        bucket.put(names[::3])
        for name in names[:-5:4]:
            bucket.server.client.delete_object(Bucket=bucket.name, Key=name)
        yield wave


def left(bucket: Bucket) -> dict[str, list[str]]:
    """The ids of all versions and markers that the server still holds, by key."""
    found = defaultdict(list)
    pages = bucket.server.client.get_paginator("list_object_versions").paginate(Bucket=bucket.name)
    for page in pages:
        for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            found[version["Key"]].append(version["VersionId"])
    return found


def denied(name: str) -> Fault:
    """Refuse each deletion that names the key."""
    denied_reply = error_reply(403, "AccessDenied", "Object is locked.")

    def fault(request: Request) -> Act | None:
        named = name.encode() in request.body or name in request.path
        return denied_reply if request.deletes and named else None

    return fault


def sparing(name: str, fault: Fault) -> Fault:
    """Have the fault spare listings of the key, or its last try could end in one that failed."""
    return lambda request: None if _lists(request, name) else fault(request)


def _lists(request: Request, name: str) -> bool:
    return request.method == "GET" and name in unquote(request.path)


def names_in(removal: Removal, state: str) -> set[str]:
    entries = AuditEntry.objects.filter(removal=removal, state=state)
    return set(entries.values_list("name", flat=True))


@pytest.mark.parametrize("act", [error_reply(503, "SlowDown"), Act(cut=True)])
def test_nothing_is_called_erased_while_a_version_is_left(
    wave: Wave, bucket: Bucket, proxy: FaultyProxy, act: Act
) -> None:
    shared = {name for _row, name in wave.before.files - wave.before.removed}  # these are kept
    locked = max({name for _row, name in wave.before.removed} - shared)
    proxy.faults += [denied(locked), sparing(locked, now_and_then(act))]
    with override_settings(MODERATION_MAX_ATTEMPTS=20):  # so that chance alone parks no key
        removal = run(wave)
    assert names_in(removal, "failed") == {locked}
    assert left(bucket)[locked]
    assert not names_in(removal, "erased") & {name for name, ids in left(bucket).items() if ids}
    entry = AuditEntry.objects.filter(name=locked)[0]
    assert (entry.error_code, entry.error) == ("AccessDenied", "Object is locked.")
    proxy.faults.clear()
    bucket.put([locked])  # somebody writes the key again, before it is retried
    newest = left(bucket)[locked]
    retry(removal, actor=wave.moderator)
    purge(removal)
    assert names_in(removal, "failed") == set()
    assert set(AuditEntry.objects.filter(name=locked).values_list("state", "in_use_reason")) == {
        ("in_use", NEWER_STAYS)
    }
    assert len(left(bucket)[locked]) == 1 < len(newest)
    good = {name for _row, name in wave.before.files - wave.before.removed}
    assert set(left(bucket)) - {locked} - good <= {IDENTITY_FILE}


@pytest.mark.parametrize("was_there", [True, False])
def test_a_key_written_again_after_a_worker_died_is_kept(
    wave: Wave, bucket: Bucket, was_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    removal = deleted(wave)
    shared = {name for _row, name in wave.before.files - wave.before.removed}
    name = max({name for _row, name in wave.before.removed} - shared)
    for version in [] if was_there else left(bucket)[name]:
        bucket.server.client.delete_object(Bucket=bucket.name, Key=name, VersionId=version)
    with monkeypatch.context() as patch:
        patch.setattr(purge_run, "write_outcomes", die)
        with pytest.raises(Killed):
            purge_due_files()
    assert left(bucket)[name] == []
    bucket.put([name])
    AuditEntry.objects.exclude(leased_until=None).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    purge(removal)
    entries = removal.entries.filter(name=name)
    assert set(entries.values_list("state", "in_use_reason")) == {("in_use", NEWER_STAYS)}
    assert len(left(bucket)[name]) == 1
    others = removal.entries.exclude(name__in={name, *shared})
    assert set(others.values_list("state", flat=True)) == {"erased"}
