"""A storage's identity: written once, proved before each batch, never guessed."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from moderation.models import AuditEntry, StorageIdentity
from moderation.storage import IdentityRefused, WrongStorage, verify_identity, write_identity
from moderation.storage import identity as mark_module
from moderation.storage.base import IDENTITY_FILE
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import MakeBucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _running_environment(settings: Any) -> None:
    settings.ENVIRONMENT = "here"


@pytest.fixture
def marker(fresh_storage: Path) -> Path:
    """Where the marker of the default storage lies."""
    return fresh_storage / IDENTITY_FILE


def entry(**fields: Any) -> AuditEntry:
    """An audit entry for a key of the default storage."""
    now = timezone.now()
    told = {"storage": "default", "key": "k", "name": "k", "due_at": now, "recorded_at": now}
    return AuditEntry.objects.create(**told | fields)


def put(marker: Path, *, identity: uuid.UUID, environment: str = "here") -> None:
    marker.parent.mkdir(parents=True, exist_ok=True)
    told = {"identity": str(identity), "environment": environment}
    marker.write_text(json.dumps(told), encoding="utf-8")


def test_first_mark_is_written_to_both_and_proves(marker: Path) -> None:
    mark = write_identity("default")
    told = json.loads(marker.read_bytes())
    assert told == {"identity": str(mark.identity), "environment": "here"}
    verify_identity("default", mark.identity)


def test_marking_twice_changes_nothing(marker: Path) -> None:
    first = write_identity("default")
    written = marker.stat().st_mtime_ns
    assert write_identity("default").identity == first.identity
    assert marker.stat().st_mtime_ns == written


def test_marker_in_a_bucket_proves(s3_gateway: S3Server, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(s3_gateway, location="media")
    mark = write_identity("default")
    assert write_identity("default").identity == mark.identity
    assert bucket.keys == [f"media/{IDENTITY_FILE}"]
    verify_identity("default", mark.identity)
    bucket.server.client.delete_object(Bucket=bucket.name, Key=f"media/{IDENTITY_FILE}")
    with pytest.raises(WrongStorage, match="holds no identity file"):
        verify_identity("default", mark.identity)
    bucket.server.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(WrongStorage, match="NoSuchBucket"):
        verify_identity("default", mark.identity)


def test_server_that_is_down_proves_nothing(s3_gateway: S3Server, make_bucket: MakeBucket) -> None:
    make_bucket(s3_gateway, endpoint="http://127.0.0.1:9")
    with pytest.raises(WrongStorage, match="Could not connect"):
        verify_identity("default", uuid.uuid4())


def test_unmounted_disk_is_neither_proved_nor_marked_anew(marker: Path) -> None:
    mark = write_identity("default")
    shutil.rmtree(marker.parent)
    with pytest.raises(WrongStorage, match="holds no identity file"):
        verify_identity("default", mark.identity)
    with pytest.raises(IdentityRefused, match="--replace"):
        write_identity("default")
    assert not marker.exists()
    assert write_identity("default", replace=True).identity == mark.identity
    verify_identity("default", mark.identity)


@pytest.mark.parametrize("replace", [False, True])
def test_another_storage_is_neither_proved_nor_marked(marker: Path, replace: bool) -> None:
    mark = write_identity("default")
    put(marker, identity=uuid.uuid4())
    with pytest.raises(WrongStorage, match="is a different storage"):
        verify_identity("default", mark.identity)
    with pytest.raises(IdentityRefused, match="is a different storage"):
        write_identity("default", replace=replace)


@pytest.mark.parametrize("replace", [False, True])
def test_storage_of_another_environment_is_neither_proved_nor_marked(
    marker: Path, replace: bool
) -> None:
    mark = write_identity("default")
    with override_settings(ENVIRONMENT="staging"):
        with pytest.raises(WrongStorage, match="belongs to environment “here”"):
            verify_identity("default", mark.identity)
        with pytest.raises(IdentityRefused, match="belongs to environment “here”"):
            write_identity("default", replace=replace)


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", "{}", '{"identity": "1"}', '"text"', "x" * 5000]
)
def test_file_that_is_no_marker_proves_nothing(marker: Path, content: str) -> None:
    mark = write_identity("default")
    marker.write_text(content, encoding="utf-8")
    with pytest.raises(WrongStorage, match="cannot be read"):
        verify_identity("default", mark.identity)
    with pytest.raises(WrongStorage, match="cannot be read"):
        write_identity("default", replace=True)


def test_storage_that_was_never_marked_is_not_proved(marker: Path) -> None:
    with pytest.raises(WrongStorage, match="mark_storage"):
        verify_identity("default", None)


def test_marked_storage_is_adopted_by_a_database_that_does_not_know_it(marker: Path) -> None:
    identity = uuid.uuid4()
    put(marker, identity=identity)
    assert write_identity("default").identity == identity


def test_database_from_another_environment_names_the_storage_anew_when_told(marker: Path) -> None:
    theirs = StorageIdentity.objects.create(alias="default", environment="production")
    old = entry()
    with pytest.raises(IdentityRefused, match="from environment “production”"):
        write_identity("default")
    assert write_identity("default", replace=True).identity != theirs.identity
    # What the other environment recorded is never purged here.
    old.refresh_from_db()
    assert old.identity is None
    with pytest.raises(WrongStorage):
        verify_identity("default", theirs.identity)


def test_entries_recorded_before_the_first_mark_get_the_identity(
    marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mark_module, "FILL_BATCH", 2)
    early = [entry(key=f"k{number}") for number in range(5)]
    elsewhere = entry(storage="other")
    mark = write_identity("default")
    told = AuditEntry.objects.filter(pk__in=[each.pk for each in early])
    assert set(told.values_list("identity", flat=True)) == {mark.identity}
    elsewhere.refresh_from_db()
    assert elsewhere.identity is None


def test_two_aliases_of_one_place_are_refused(marker: Path, settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"twin": settings.STORAGES["default"]}
    write_identity("default")
    with pytest.raises(IdentityRefused, match="are the same"):
        write_identity("twin")


def test_nothing_is_proved_inside_a_transaction(marker: Path) -> None:
    mark = write_identity("default")
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        verify_identity("default", mark.identity)


def test_command_marks_the_storages_of_registered_models(
    marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("mark_storage")
    mark = StorageIdentity.objects.get(alias="default")
    assert f"default  {mark.identity}  here\n" in capsys.readouterr().out
    verify_identity("default", mark.identity)


def test_command_tells_what_is_wrong(marker: Path) -> None:
    with pytest.raises(CommandError, match="nowhere is not in STORAGES"):
        call_command("mark_storage", "nowhere")
    put(marker, identity=uuid.uuid4(), environment="production")
    with pytest.raises(CommandError, match="belongs to environment “production”"):
        call_command("mark_storage", "default")


def test_command_replaces_a_lost_marker_when_told(
    marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("mark_storage", "default")
    marker.unlink()
    call_command("mark_storage", "default", "--replace")
    assert marker.exists()
    capsys.readouterr()
