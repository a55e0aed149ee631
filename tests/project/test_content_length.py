"""What a client announces about its body is read with care."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from project.limits import BYTES_WITHOUT_STAFF_STATUS, limit_bodies

STAFF = User(username="mod", is_staff=True)
FORMER = User(username="former", is_staff=True, is_active=False)
READER = User(username="reader")
LIMIT = 1_000_000


def status(length: str, user: User | AnonymousUser, settings: Settings) -> int:
    settings.UPLOAD_LIMIT = LIMIT
    request: HttpRequest = RequestFactory().post("/admin/", CONTENT_LENGTH=length)
    request.META["CONTENT_LENGTH"] = length
    request.user = user
    return limit_bodies(lambda _request: HttpResponse("ok"))(request).status_code


@pytest.mark.parametrize(
    ("length", "anonymous", "staff"),
    [
        ("", 200, 200),
        ("0", 200, 200),
        ("x", 200, 200),  # Django reads no body then
        ("-1", 200, 200),
        (str(BYTES_WITHOUT_STAFF_STATUS), 200, 200),
        (str(BYTES_WITHOUT_STAFF_STATUS + 1), 413, 200),
        (str(LIMIT), 413, 200),
        (str(LIMIT + 1), 413, 413),
        ("9" * 100, 413, 413),
    ],
)
def test_body_is_refused_by_its_length_before_it_is_read(
    length: str, anonymous: int, staff: int, settings: Settings
) -> None:
    assert status(length, AnonymousUser(), settings) == anonymous
    assert status(length, READER, settings) == anonymous
    assert status(length, FORMER, settings) == anonymous
    assert status(length, STAFF, settings) == staff
