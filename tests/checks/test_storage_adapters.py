"""The check of registered adapters names the registrations that cannot work."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.files.storage import InMemoryStorage

from moderation.checks.storage_adapters import check_adapters
from moderation.storage import Adapter, OneByOneAdapter, register_adapter, resolve
from moderation.storage.generic import GenericAdapter

# Django's own checks of JSON fields ask SQLite once whether it supports JSON.
pytestmark = pytest.mark.django_db

HERE = "tests.checks.test_storage_adapters"


class NoAdapter:
    """Has none of the methods."""


class Unfinished(Adapter):
    """Extends the interface and implements nothing."""


class WithoutKey(OneByOneAdapter):
    """Lacks the methods that its base requires and those of the interface."""

    claim_size = 1
    key_is_root_plus_name = True


@pytest.fixture(autouse=True)
def own_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(resolve, "_registered", list(resolve._registered))


def test_the_registrations_of_the_site_are_valid() -> None:
    assert check_adapters() == []


@pytest.mark.parametrize(
    ("storage", "adapter", "problem"),
    [
        (NoAdapter, GenericAdapter, "NoAdapter does not extend Django's Storage."),
        (f"{HERE}.NoAdapter", GenericAdapter, "NoAdapter does not extend Django's Storage."),
        (f"{HERE}.Missing", GenericAdapter, "the module has no 'Missing'."),
        ("tests.no_module.Storage", GenericAdapter, "there is no module 'tests.no_module'."),
        ("tests.no.module.Storage", GenericAdapter, "there is no module 'tests.no.module'."),
        ("Storage", GenericAdapter, "there is no module ''."),
        (InMemoryStorage, f"{HERE}.Missing", "does not define a"),
        (InMemoryStorage, "tests.no_module.Adapter", "No module named 'tests.no_module'."),
        (
            InMemoryStorage,
            NoAdapter,
            "read_identity_file, real_location, verify, write_identity_file.",
        ),
        (InMemoryStorage, Unfinished, "the adapter lacks claim_size, erase, full_key, key, "),
        (
            InMemoryStorage,
            WithoutKey,
            "the adapter lacks delete, exists, full_key, key, location, real_location.",
        ),
        (InMemoryStorage, GenericAdapter.location, "the adapter lacks claim_size"),
    ],
)
def test_e031_an_adapter_that_cannot_serve_the_storage(
    storage: Any, adapter: Any, problem: str
) -> None:
    register_adapter(storage, adapter)
    (message,) = [each for each in run_checks() if each.id == "moderation.E031"]
    assert problem in str(message.msg)
    assert "register_adapter(" in str(message.msg)
    assert message.hint


@pytest.mark.parametrize(
    ("storage", "adapter"),
    [
        ("package_that_is_not_installed.Storage", "package_that_is_not_installed.Adapter"),
        ("package_that_is_not_installed.storage.Storage", "anything.Adapter"),
        ("django.core.files.storage.InMemoryStorage", "moderation.storage.generic.GenericAdapter"),
    ],
)
def test_a_storage_whose_package_is_not_installed_is_not_reported(
    storage: str, adapter: str
) -> None:
    register_adapter(storage, adapter)
    assert check_adapters() == []


def test_the_check_imports_no_boto3_on_a_site_without_s3() -> None:
    code = (
        "import django, sys; django.setup();"
        "from moderation.checks.storage_adapters import check_adapters; check_adapters();"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=180)
