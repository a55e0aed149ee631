"""Adapters over real storages, for the tests of this folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from django.conf import settings
from django.test import override_settings

from moderation.storage import Outcome, adapter_for, identity, pace
from moderation.storage.base import FileToErase
from moderation.storage.s3 import S3Adapter
from tests.services.faulty_proxy import FaultyProxy, faulty_proxy
from tests.services.s3_gateway import S3Server


@dataclass
class Bucket:
    """A bucket behind the default storage, with an adapter that reaches it."""

    server: S3Server
    name: str
    adapter: S3Adapter

    def put(self, *keys: str, body: bytes = b"picture") -> list[str]:
        """Write objects without the adapter; return their keys."""
        for key in keys:
            self.server.client.put_object(Bucket=self.name, Key=key, Body=body)
        return list(keys)

    def erase(self, *names: str) -> dict[str, Outcome]:
        """Erase names; return their outcomes, exactly one for each."""
        return erased(self.adapter, *names)

    @property
    def keys(self) -> list[str]:
        """Return every key, without the empty folders that the gateway may list."""
        return [key for key in self.server.keys(self.name) if not key.endswith("/")]


def ignore_versions(_versions: object) -> None:
    """Ignore the versions."""


def erased(adapter: Any, *names: str, **versions: tuple[str, ...]) -> dict[str, Outcome]:
    """Erase names through an adapter; return their outcomes, exactly one for each."""
    files = [FileToErase(name, versions.get(name, ())) for name in names]
    outcomes = list(adapter.erase(files, ignore_versions))
    assert sorted(outcome.name for outcome in outcomes) == sorted(names)
    return {outcome.name: outcome for outcome in outcomes}


MakeBucket = Callable[..., Bucket]


@pytest.fixture
def read_timeout() -> float:
    """Seconds that the adapter waits for a reply: more than a busy machine needs for one.

    Tests with a server that stalls override it by `parametrize`.
    """
    return 60


@pytest.fixture
def make_bucket(read_timeout: float) -> Iterator[MakeBucket]:
    """Return a function that makes a bucket and points the default storage to it."""
    overrides: list[Any] = []

    def make(
        server: S3Server, *, endpoint: str = "", location: str = "", versioned: bool = False
    ) -> Bucket:
        name = server.make_bucket(versioned=versioned)
        entry = server.storage(name, location=location)
        entry["OPTIONS"]["endpoint_url"] = endpoint or server.endpoint
        waits = Config(read_timeout=read_timeout, connect_timeout=read_timeout)
        entry["OPTIONS"]["client_config"] = entry["OPTIONS"]["client_config"].merge(waits)
        overrides.append(override_settings(STORAGES={**settings.STORAGES, "default": entry}))
        overrides[-1].enable()
        adapter = adapter_for("default")
        assert isinstance(adapter, S3Adapter)
        return Bucket(server, name, adapter)

    yield make
    for override in reversed(overrides):
        override.disable()


@pytest.fixture
def bucket(s3_gateway: S3Server, make_bucket: MakeBucket) -> Bucket:
    """A bucket on the real gateway."""
    return make_bucket(s3_gateway)


@pytest.fixture
def proxy(s3_gateway: S3Server) -> Iterator[FaultyProxy]:
    """A proxy in front of the real gateway, without faults yet."""
    with faulty_proxy(s3_gateway.endpoint) as running:
        yield running


@pytest.fixture
def shaky(s3_gateway: S3Server, proxy: FaultyProxy, make_bucket: MakeBucket) -> Bucket:
    """A bucket whose adapter uses the proxy; `put` and `keys` do not."""
    return make_bucket(s3_gateway, endpoint=proxy.endpoint)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(pace, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(identity, "PAUSE", 0.01)


def some_keys(count: int, folder: str = "posts") -> list[str]:
    """Return distinct keys like those of uploads."""
    return [f"{folder}/{uuid.uuid4().hex}.png" for _ in range(count)]
