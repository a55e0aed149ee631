"""A storage's identity is written once and verified whenever the storage is used."""

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
from moderation.storage import identity as identity_module
from moderation.storage.base import IDENTITY_FILE
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import MakeBucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _running_environment(settings: Any) -> None:
    settings.ENVIRONMENT = "here"


@pytest.fixture
def identity_file(fresh_storage: Path) -> Path:
    """Return the path of the default storage's identity file."""
    return fresh_storage / IDENTITY_FILE


def entry(**fields: Any) -> AuditEntry:
    """Create an audit entry for a key of the default storage."""
    now = timezone.now()
    values = {"storage": "default", "key": "k", "name": "k", "due_at": now, "recorded_at": now}
    return AuditEntry.objects.create(**values | fields)


def put(identity_file: Path, *, identity: uuid.UUID, environment: str = "here") -> None:
    identity_file.parent.mkdir(parents=True, exist_ok=True)
    content = {"identity": str(identity), "environment": environment}
    identity_file.write_text(json.dumps(content), encoding="utf-8")


def test_a_new_identity_is_written_to_database_and_storage(identity_file: Path) -> None:
    row = write_identity("default")
    content = json.loads(identity_file.read_bytes())
    assert content == {"identity": str(row.identity), "environment": "here"}
    verify_identity("default", row.identity)


def test_writing_the_identity_again_changes_nothing(identity_file: Path) -> None:
    first = write_identity("default")
    written = identity_file.stat().st_mtime_ns
    assert write_identity("default").identity == first.identity
    assert identity_file.stat().st_mtime_ns == written


def test_the_identity_of_a_bucket_is_verified(
    s3_gateway: S3Server, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(s3_gateway, location="media")
    row = write_identity("default")
    assert write_identity("default").identity == row.identity
    assert bucket.keys == [f"media/{IDENTITY_FILE}"]
    verify_identity("default", row.identity)
    bucket.server.client.delete_object(Bucket=bucket.name, Key=f"media/{IDENTITY_FILE}")
    with pytest.raises(WrongStorage, match="holds no identity file"):
        verify_identity("default", row.identity)
    bucket.server.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(WrongStorage, match="NoSuchBucket"):
        verify_identity("default", row.identity)


def test_a_storage_whose_server_is_down_is_refused(
    s3_gateway: S3Server, make_bucket: MakeBucket
) -> None:
    make_bucket(s3_gateway, endpoint="http://127.0.0.1:9")
    with pytest.raises(WrongStorage, match="Could not connect"):
        verify_identity("default", uuid.uuid4())


def test_an_unmounted_disk_is_refused_and_gets_no_new_identity(identity_file: Path) -> None:
    row = write_identity("default")
    shutil.rmtree(identity_file.parent)
    with pytest.raises(WrongStorage, match="holds no identity file"):
        verify_identity("default", row.identity)
    with pytest.raises(IdentityRefused, match="--replace"):
        write_identity("default")
    assert not identity_file.exists()
    assert write_identity("default", replace=True).identity == row.identity
    verify_identity("default", row.identity)


@pytest.mark.parametrize("replace", [False, True])
def test_a_different_storage_is_refused_and_keeps_its_identity(
    identity_file: Path, replace: bool
) -> None:
    row = write_identity("default")
    put(identity_file, identity=uuid.uuid4())
    with pytest.raises(WrongStorage, match="is a different storage"):
        verify_identity("default", row.identity)
    with pytest.raises(IdentityRefused, match="is a different storage"):
        write_identity("default", replace=replace)


@pytest.mark.parametrize("replace", [False, True])
def test_a_storage_of_another_environment_is_refused(identity_file: Path, replace: bool) -> None:
    row = write_identity("default")
    with override_settings(ENVIRONMENT="staging"):
        with pytest.raises(WrongStorage, match="belongs to environment “here”"):
            verify_identity("default", row.identity)
        with pytest.raises(IdentityRefused, match="belongs to environment “here”"):
            write_identity("default", replace=replace)


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", "{}", '{"identity": "1"}', '"text"', "x" * 5000]
)
def test_a_file_that_is_not_an_identity_file_is_refused(identity_file: Path, content: str) -> None:
    row = write_identity("default")
    identity_file.write_text(content, encoding="utf-8")
    with pytest.raises(WrongStorage, match="cannot be read"):
        verify_identity("default", row.identity)
    with pytest.raises(WrongStorage, match="cannot be read"):
        write_identity("default", replace=True)


def test_a_storage_without_an_identity_is_refused(identity_file: Path) -> None:
    with pytest.raises(WrongStorage, match="mark_storage"):
        verify_identity("default", None)


def test_a_database_that_does_not_know_a_storage_records_its_identity(identity_file: Path) -> None:
    identity = uuid.uuid4()
    put(identity_file, identity=identity)
    assert write_identity("default").identity == identity


def test_a_copied_database_gives_its_storage_a_new_identity_with_replace(
    identity_file: Path,
) -> None:
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


def test_entries_that_were_recorded_before_get_the_identity(
    identity_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_module, "FILL_BATCH", 2)
    early = [entry(key=f"k{number}") for number in range(5)]
    elsewhere = entry(storage="other")
    row = write_identity("default")
    entries = AuditEntry.objects.filter(pk__in=[each.pk for each in early])
    assert set(entries.values_list("identity", flat=True)) == {row.identity}
    elsewhere.refresh_from_db()
    assert elsewhere.identity is None


def test_two_aliases_of_one_storage_are_refused(identity_file: Path, settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"other": settings.STORAGES["default"]}
    write_identity("default")
    with pytest.raises(IdentityRefused, match="are the same"):
        write_identity("other")


def test_an_identity_is_not_verified_inside_a_transaction(identity_file: Path) -> None:
    row = write_identity("default")
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        verify_identity("default", row.identity)


def test_the_command_writes_identities_to_the_storages_of_registered_models(
    identity_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("mark_storage")
    row = StorageIdentity.objects.get(alias="default")
    assert f"default  {row.identity}  here\n" in capsys.readouterr().out
    verify_identity("default", row.identity)


def test_the_command_says_what_is_wrong(identity_file: Path) -> None:
    with pytest.raises(CommandError, match="nowhere is not in STORAGES"):
        call_command("mark_storage", "nowhere")
    put(identity_file, identity=uuid.uuid4(), environment="production")
    with pytest.raises(CommandError, match="belongs to environment “production”"):
        call_command("mark_storage", "default")


def test_the_command_replaces_a_lost_identity_file_with_replace(
    identity_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("mark_storage", "default")
    identity_file.unlink()
    call_command("mark_storage", "default", "--replace")
    assert identity_file.exists()
    capsys.readouterr()
