"""What the settings and the site's own pages promise."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.storage import storages as django_storages
from django.test import Client
from storages.backends.s3 import S3Storage

from moderation import conf
from project import storages
from project.security import bucket_origins
from tests.services.processes import ROOT

EXAMPLE = ROOT / ".env.example"


def test_the_root_leads_to_the_admin(client: Client) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/admin/"


def test_healthz_answers_without_a_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_healthz_is_not_redirected_to_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301


def test_every_answer_forbids_scripts_from_elsewhere(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self' 'unsafe-inline';" in policy
    assert "img-src 'self' data: blob:;" in policy


@pytest.mark.parametrize(
    ("endpoint", "region", "expected"),
    [
        ("http://s3.local:9000", "", ["http://s3.local:9000", "http://box.s3.local:9000"]),
        (
            "",
            "eu-west-1",
            [
                "https://box.s3.amazonaws.com",
                "https://box.s3.eu-west-1.amazonaws.com",
                "https://s3.amazonaws.com",
                "https://s3.eu-west-1.amazonaws.com",
            ],
        ),
    ],
)
def test_pictures_may_come_from_the_bucket(endpoint: str, region: str, expected: list[str]) -> None:
    assert bucket_origins(bucket="box", endpoint=endpoint, region=region) == expected


def test_s3_gets_every_setting_of_the_client(settings: Any) -> None:
    entry = storages.s3(
        bucket="box",
        endpoint="http://127.0.0.1:1",
        access_key="a",
        secret_key="b",
        addressing_style="path",
    )
    settings.STORAGES = settings.STORAGES | {"default": entry}
    storage = django_storages["default"]
    assert isinstance(storage, S3Storage)
    config = storage.connection.meta.client.meta.config
    assert config.s3["addressing_style"] == "path"
    assert config.signature_version == "s3v4"
    assert config.max_pool_connections == storages.CONNECTIONS
    assert storage.file_overwrite is False
    assert storage.url("a.png").startswith("http://127.0.0.1:1/box/a.png?X-Amz-Algorithm=")


def test_a_limit_is_read_at_each_call(settings: Any) -> None:
    settings.MODERATION_BATCH_OBJECTS = 3
    assert conf.batch_objects() == 3
    del settings.MODERATION_BATCH_OBJECTS
    assert conf.batch_objects() == conf.batch_objects.default


def test_every_default_is_within_its_own_range() -> None:
    for limit in conf.LIMITS:
        assert limit.lowest <= limit.default <= limit.highest, limit.name
    for choice in conf.CHOICES:
        assert choice.default in choice.values, choice.name


def test_the_example_lists_every_variable_that_the_settings_read() -> None:
    source = (ROOT / "project" / "settings.py").read_text()
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z0-9_]+)"', source))
    listed = re.findall(r"^#([A-Z0-9_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == read | {each.name for each in (*conf.LIMITS, *conf.CHOICES)}


def test_the_example_shows_the_default_of_every_limit_and_choice() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for limit in conf.LIMITS:
        assert f"#{limit.name}={limit.default}" in lines
    for choice in conf.CHOICES:
        shown = str(choice.default)
        assert f"#{choice.name}={shown.lower()}" in lines
