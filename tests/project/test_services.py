"""The services that the tests start do work, so that no other failure is theirs."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from playwright.sync_api import Page

from tests.services import workers
from tests.services.processes import wait_until
from tests.services.s3_gateway import S3Server


def test_every_test_has_a_folder_of_its_own_for_files(fresh_storage: Path) -> None:
    default_storage.save("a.txt", ContentFile(b"a"))
    assert (fresh_storage / "a.txt").read_bytes() == b"a"


def test_the_gateway_keeps_and_signs_a_file(s3_gateway: S3Server, s3_storage: str) -> None:
    assert not isinstance(default_storage, FileSystemStorage)
    name = default_storage.save("folder/a.txt", ContentFile(b"a"))
    assert s3_gateway.keys(s3_storage) == ["folder/a.txt"]
    with urllib.request.urlopen(default_storage.url(name)) as answer:
        assert answer.read() == b"a"


def test_a_versioned_bucket_keeps_what_is_deleted(
    versioned_s3: S3Server, versioned_storage: str
) -> None:
    default_storage.save("a.txt", ContentFile(b"a"))
    default_storage.delete("a.txt")
    versions = versioned_s3.client.list_object_versions(Bucket=versioned_storage)
    assert versioned_s3.keys(versioned_storage) == []
    assert len(versions["Versions"]) == len(versions["DeleteMarkers"]) == 1


@pytest.mark.browser
def test_a_browser_reaches_the_live_server(browser_page: Page) -> None:
    browser_page.goto("/admin/")
    assert browser_page.locator("input[name=username]").is_visible()


@pytest.mark.django_db(transaction=True)
def test_another_process_writes_into_the_database_of_the_test(tmp_path: Path) -> None:
    command = ("createsuperuser", "--noinput", "--username=ada", "--email=ada@example.org")

    def arrived() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM auth_user WHERE username = 'ada'")
            return bool(cursor.fetchone()[0])

    env = {"DJANGO_SUPERUSER_PASSWORD": "only-for-this-test"}
    with workers.worker(*command, log=tmp_path / "log", env=env):
        wait_until(arrived, what=f"the user ({tmp_path / 'log'})")
