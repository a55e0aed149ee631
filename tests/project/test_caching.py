"""Caches may not show a picture after it was removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import Http404
from django.test import RequestFactory
from pytest_django import Settings

from project.storages import PICTURE_CACHE_CONTROL
from project.urls import picture
from tests.services.s3_gateway import S3Server


def test_no_shared_cache_keeps_a_picture_and_a_browser_asks_again() -> None:
    assert set(PICTURE_CACHE_CONTROL.split(", ")) == {"private", "no-cache"}


def test_a_picture_on_disk_is_served_so(fresh_storage: Path, settings: Settings) -> None:
    settings.MEDIA_ROOT = str(fresh_storage)
    name = default_storage.save("a.png", ContentFile(b"picture"))
    request = RequestFactory().get(f"/media/{name}")
    response = picture(request, name)
    assert response.headers["Cache-Control"] == PICTURE_CACHE_CONTROL
    response.close()
    since = {"If-Modified-Since": response.headers["Last-Modified"]}
    again = picture(RequestFactory().get(f"/media/{name}", headers=since), name)
    assert (again.status_code, again.headers["Cache-Control"]) == (304, PICTURE_CACHE_CONTROL)
    default_storage.delete(name)
    with pytest.raises(Http404):
        picture(RequestFactory().get(f"/media/{name}", headers=since), name)


def test_a_picture_in_a_bucket_carries_it(versioned_s3: S3Server, versioned_storage: str) -> None:
    name = default_storage.save("a.png", ContentFile(b"picture"))
    found = versioned_s3.client.head_object(Bucket=versioned_storage, Key=name)
    assert found["CacheControl"] == PICTURE_CACHE_CONTROL
