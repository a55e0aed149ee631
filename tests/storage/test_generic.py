"""Any other Django storage, and the adapters for subclasses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages
from django.test import override_settings
from storages.backends.s3 import S3Storage

from moderation.storage import Adapter, Result, adapter_for
from moderation.storage.base import WAS_MISSING
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.generic import GenericAdapter
from tests.storage.conftest import erased

HERE = "tests.storage.test_generic"


class OddStorage(InMemoryStorage):
    """Does for each name what the name says."""

    def delete(self, name: str) -> None:
        if name == "raises":
            raise KeyError("error message")
        if name == "forbidden":
            raise PermissionError(13)
        if name == "no message":
            raise RuntimeError
        if name == "disconnects":
            raise ConnectionResetError(104, "reset")
        if name == "missing":
            raise FileNotFoundError(name)
        if name != "stays":
            super().delete(name)

    def exists(self, name: str) -> bool:
        if name == "cannot check":
            raise NotImplementedError
        if name == "check fails":
            raise OSError(5, "Input/output error")
        return super().exists(name)


class OurBucket(S3Storage):
    """A bucket class of a site."""


class OurFiles(FileSystemStorage):
    """A folder class of a site."""


@pytest.fixture
def adapter() -> Iterator[Adapter]:
    """Return the adapter of a storage without an adapter of its own."""
    with override_settings(STORAGES={"odd": {"BACKEND": f"{HERE}.OddStorage"}}):
        yield adapter_for("odd")


def test_each_name_has_its_own_outcome(adapter: Adapter) -> None:
    for name in ("a", "b", "stays", "raises"):
        storages["odd"].save(name, ContentFile(b"x"))
    outcomes = erased(adapter, "a", "missing", "stays", "raises", "cannot check", "", "../x")
    found = {n: (o.result, o.code, o.detail, o.verified) for n, o in outcomes.items()}
    assert found == {
        "a": (Result.ERASED, "", "", True),
        "missing": (Result.ERASED, "", WAS_MISSING, True),
        "stays": (Result.FAILED, "StillThere", "", False),
        "raises": (Result.FAILED, "KeyError", "", False),
        "cannot check": (Result.ERASED, "", "", False),
        "": (Result.FAILED, "ValueError", "", False),
        "../x": (Result.FAILED, "ValueError", "", False),
    }
    assert "error message" in outcomes["raises"].message
    assert adapter.verify(["a", "b"]) == {"a": True, "b": False}


def test_a_failure_has_the_message_of_the_storage(adapter: Adapter) -> None:
    outcomes = erased(adapter, "forbidden", "no message", "disconnects", "check fails")
    found = {n: (o.code, o.message, o.unsure) for n, o in outcomes.items()}
    assert found == {
        "forbidden": ("PermissionError", "[Errno 13] Permission denied", False),
        "no message": ("RuntimeError", "RuntimeError, without a message", False),
        "disconnects": ("ConnectionResetError", "[Errno 104] reset", True),
        "check fails": ("OSError", "[Errno 5] Input/output error", True),
    }
    assert {outcome.result for outcome in outcomes.values()} == {Result.FAILED}


def test_location_is_the_class(adapter: Adapter) -> None:
    assert adapter.location() == "OddStorage"


@pytest.mark.parametrize(
    ("backend", "adapter_class"),
    [
        ("django.core.files.storage.FileSystemStorage", FileSystemAdapter),
        (f"{HERE}.OurFiles", FileSystemAdapter),
        ("django.core.files.storage.InMemoryStorage", GenericAdapter),
    ],
)
def test_adapter_is_chosen_by_the_class_of_the_storage(
    backend: str, adapter_class: type[Any]
) -> None:
    with override_settings(STORAGES={"x": {"BACKEND": backend}}):
        assert type(adapter_for("x")) is adapter_class


@pytest.mark.parametrize("backend", ["storages.backends.s3.S3Storage", f"{HERE}.OurBucket"])
def test_s3_and_what_extends_it_get_the_s3_adapter(backend: str) -> None:
    from moderation.storage.s3 import S3Adapter

    entry = {"BACKEND": backend, "OPTIONS": {"bucket_name": "b"}}
    with override_settings(STORAGES={"x": entry}):
        assert type(adapter_for("x")) is S3Adapter


def test_site_without_s3_does_not_import_boto3() -> None:
    code = (
        "import django, sys; django.setup();"
        "from moderation.storage import adapter_for; adapter_for('default').key('a');"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=180)
