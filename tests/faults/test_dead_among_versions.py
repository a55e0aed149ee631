"""A worker that dies among a key's versions: the next one takes no version written since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.models import AuditEntry
from moderation.purge import batch
from moderation.purge.batch import purge_batch
from moderation.purge.references import names_in_use
from moderation.storage.adapter import NEWER_STAYS
from tests.faults.conftest import MakeWave, Wave
from tests.faults.places import Bucket
from tests.faults.purging import deleted, purge, site_behind
from tests.parts.faulty_proxy import faulty_proxy
from tests.parts.s3_gateway import S3Server

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """What ends a worker: nothing of ours catches it."""


@pytest.fixture
def bucket(versioned_s3: S3Server) -> Bucket:
    return Bucket(versioned_s3, versioned_s3.make_bucket(versioned=True))


@pytest.fixture
def wave(
    versioned_s3: S3Server, bucket: Bucket, fresh_storage: object, make_wave: MakeWave
) -> Iterator[Wave]:
    """Posts whose files are in a bucket that keeps versions."""
    with (
        faulty_proxy(versioned_s3.endpoint) as proxy,
        site_behind(proxy, versioned_s3, bucket.name),
    ):
        yield make_wave(3, bucket)


@pytest.mark.parametrize("was_there", [True, False])
def test_a_key_written_again_after_a_worker_died_is_kept(
    wave: Wave, bucket: Bucket, was_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    removal = deleted(wave)
    names = list(removal.entries.order_by("due_at", "pk").values_list("name", flat=True))
    shared = names_in_use("default", names)
    name = next(name for name in names if name not in shared)
    if not was_there:
        for version in left_of(bucket, name):
            bucket.server.client.delete_object(Bucket=bucket.name, Key=name, VersionId=version)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_outcomes", die)
        with pytest.raises(Killed):
            purge_batch()
    assert left_of(bucket, name) == []
    bucket.put([name])
    AuditEntry.objects.exclude(leased_until=None).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    purge(removal)
    entries = removal.entries.filter(name=name)
    assert set(entries.values_list("state", "kept_because")) == {("kept", NEWER_STAYS)}
    assert len(left_of(bucket, name)) == 1
    others = removal.entries.exclude(name__in=[name, *shared])
    assert set(others.values_list("state", flat=True)) == {"erased"}


def left_of(bucket: Bucket, name: str) -> list[str]:
    """The ids of all versions and markers of a key."""
    listed = bucket.server.client.list_object_versions(Bucket=bucket.name, Prefix=name)
    entries = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
    return [entry["VersionId"] for entry in entries if entry["Key"] == name]
