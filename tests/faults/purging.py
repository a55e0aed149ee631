"""A whole removal in this process, against a server that is reached through a faulty proxy."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from botocore.config import Config
from django.conf import settings
from django.test import override_settings

from moderation.models import AuditEntry, Removal
from moderation.purge import results
from moderation.purge import run as purge_run
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from moderation.storage import pace
from tests.faults.conftest import Wave
from tests.services.faulty_proxy import Act, Fault, FaultyProxy
from tests.services.s3_gateway import S3Server

# How many times purge() calls purge_due_files() before it gives up.
MAX_PURGE_CALLS = 60


@contextmanager
def site_behind(
    proxy: FaultyProxy, server: S3Server, bucket: str, *, read_timeout: float = 60
) -> Iterator[None]:
    """Let the site reach its bucket through the proxy, in small steps and without long pauses.

    What stalls for longer than `read_timeout`, in seconds, is a time-out.
    """
    entry = server.storage(bucket)
    waits = Config(read_timeout=read_timeout)
    entry["OPTIONS"]["endpoint_url"] = proxy.endpoint
    entry["OPTIONS"]["client_config"] = entry["OPTIONS"]["client_config"].merge(waits)
    with (
        pytest.MonkeyPatch.context() as patch,
        override_settings(
            STORAGES={**settings.STORAGES, "default": entry},
            MODERATION_BATCH_OBJECTS=10,
            MODERATION_REQUEST_KEYS=8,
            MODERATION_REQUESTS=2,
            MODERATION_MAX_ATTEMPTS=3,
        ),
    ):
        patch.setattr(pace, "FIRST_PAUSE", 0.01)
        patch.setattr(pace, "LONGEST_PAUSE", 0.05)
        patch.setattr(purge_run, "FIRST_PAUSE", timedelta(0))
        patch.setattr(results, "FIRST_PAUSE", timedelta(0))
        patch.setattr(results, "PAUSE_AFTER_REQUEST", timedelta(0))
        patch.setattr(purge_run, "STORAGE_RETRY", timedelta(0))
        yield


def now_and_then(act: Act) -> Fault:
    """Return a fault that does this to three in ten requests."""
    dice = random.Random(7)  # noqa: S311 - a test
    return lambda _request: act if dice.random() < 0.3 else None


def run(wave: Wave) -> Removal:
    """Remove the wave, batches and files, until nothing is left to be tried."""
    removal = deleted(wave)
    purge(removal)
    return removal


def deleted(wave: Wave) -> Removal:
    """Remove the wave's posts; their files are still there."""
    removal = wave.remove()
    while delete_next_batch(removal.pk):
        pass
    return removal


def purge(removal: Removal) -> None:
    """Purge until each key of the removal has come to its end."""
    pending = AuditEntry.objects.filter(removal=removal, state="pending")
    for _ in range(MAX_PURGE_CALLS):
        if not purge_due_files() and not pending.exists():
            break
    assert not pending.exists()
    removal.refresh_from_db()
