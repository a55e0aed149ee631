"""Wrong passwords are counted and logged; a session ends when it should."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from project import logins
from project.logins import client_address
from tests.project.test_environment import manage
from tests.services.processes import ROOT

pytestmark = pytest.mark.django_db

PASSWORD = "an-open-secret"
LIMIT = 10


@pytest.fixture(autouse=True)
def throttled(settings: Settings) -> None:
    settings.AXES_ENABLED = True
    for name in ("mia", "ole"):
        User.objects.create_user(name, password=PASSWORD, is_staff=True)


def attempt(username: str, password: str, *, address: str = "192.0.2.1", **headers: str) -> int:
    sent = {"username": username, "password": password}
    meta: dict[str, Any] = {"REMOTE_ADDR": address, **headers}
    return Client().post("/admin/login/", sent, **meta).status_code


def test_after_ten_wrong_passwords_the_right_one_is_refused_too() -> None:
    answers = [attempt("mia", "wrong") for _ in range(30)]
    assert answers == [200] * (LIMIT - 1) + [429] * (30 - LIMIT + 1)
    assert attempt("mia", PASSWORD) == 429


def test_other_users_and_other_addresses_are_not_concerned() -> None:
    for _ in range(30):
        attempt("mia", "wrong")
    assert attempt("ole", PASSWORD) == 302
    assert attempt("mia", PASSWORD, address="192.0.2.2") == 302


def test_another_browser_is_counted_together_with_the_first() -> None:
    answers = [attempt("mia", "wrong", HTTP_USER_AGENT=f"agent {n}") for n in range(LIMIT)]
    assert answers[-1] == 429


def test_one_password_tried_with_every_name_is_stopped_by_its_address() -> None:
    tries = LIMIT * logins.ADDRESS_FACTOR
    for number in range(tries):
        attempt(f"user_{number}", "wrong")
    assert attempt("mia", PASSWORD) == 429
    assert attempt("mia", PASSWORD, address="192.0.2.2") == 302


def test_every_failure_and_block_is_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            attempt("mia\nroot", "wrong")
    lines = [record.getMessage() for record in caplog.records if "mia" in record.getMessage()]
    assert len(lines) >= 30
    assert all("192.0.2.1" in line and "\n" not in line for line in lines)
    assert not any("wrong" in line for line in lines)


@pytest.mark.parametrize("length", [151, 256, 60_000])
def test_wrong_names_of_any_length_are_refused_and_counted(length: int) -> None:
    name = "m" * length
    answers = [attempt(name, "wrong") for _ in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]


def test_a_long_name_is_a_short_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(LIMIT + 1):
        attempt("m" * 60_000, "wrong")
    assert caplog.messages
    assert max(map(len, caplog.messages)) < 1_000


@pytest.mark.parametrize("header", ["HTTP_USER_AGENT", "HTTP_ACCEPT"])
@pytest.mark.parametrize("text", ["\0", "a" * 60_000])
def test_whatever_a_client_says_about_itself_can_be_noted(header: str, text: str) -> None:
    assert attempt("mia", "wrong", **{header: text}) == 200
    assert AccessAttempt.objects.get().failures_since_start == 1


def test_a_login_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        attempt("mia", PASSWORD)
    assert "Successful login by user 'mia' at 192.0.2.1" in caplog.text


def test_a_right_password_ends_the_count() -> None:
    for _ in range(3):
        for _ in range(LIMIT - 1):
            assert attempt("mia", "wrong") == 200
        assert attempt("mia", PASSWORD) == 302


def test_the_wait_ends_by_itself_although_somebody_keeps_trying(settings: Settings) -> None:
    for _ in range(LIMIT):
        attempt("mia", "wrong")
    waited = timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1)
    before = AccessAttempt.objects.get().attempt_time
    assert attempt("mia", "wrong") == 429
    assert AccessAttempt.objects.get().attempt_time == before
    AccessAttempt.objects.update(attempt_time=waited)
    assert attempt("mia", PASSWORD) == 302


def test_an_operator_lets_a_user_in_again() -> None:
    for _ in range(LIMIT):
        attempt("mia", "wrong")
    call_command("axes_reset_username", "mia")
    assert attempt("mia", PASSWORD) == 302
    assert "axes_reset_username" in (ROOT / ".env.example").read_text()


def test_an_operator_unlocks_an_address() -> None:
    for number in range(LIMIT * logins.ADDRESS_FACTOR):
        attempt(f"user_{number}", "wrong")
    call_command("axes_reset_ip", "192.0.2.1")
    assert attempt("mia", PASSWORD) == 302


def test_the_page_says_how_long_to_wait() -> None:
    for _ in range(LIMIT):
        attempt("mia", "wrong")
    sent = {"username": "mia", "password": PASSWORD}
    response = Client().post("/admin/login/", sent, REMOTE_ADDR="192.0.2.1")
    assert "15 minutes" in response.content.decode()
    assert response.headers["Retry-After"] == "900"
    assert 'href="/admin/login/"' in response.content.decode()


@pytest.mark.parametrize(
    ("proxies", "direct", "forwarded", "expected"),
    [
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (1, "10.0.0.1", "nobody", "10.0.0.1"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "", "203.0.113.9:4711", "203.0.113.9"),
        (1, "", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::"),
        (0, "2001:db8:1:2:3::4", "", "2001:db8:1:2::"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "", None),
    ],
)
def test_the_address_is_the_one_that_our_own_proxy_saw(
    proxies: int, direct: str, forwarded: str, expected: str | None, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": direct, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(request) == expected


def test_an_unknown_address_is_counted_too() -> None:
    answers = [attempt("mia", "wrong", address="") for _ in range(LIMIT)]
    assert answers[-1] == 429


@pytest.mark.parametrize(("debug", "expected"), [("true", "False"), ("false", "True")])
def test_logins_are_throttled_unless_debug_is_on(debug: str, expected: str) -> None:
    done = manage(
        *["shell", "-c", "from django.conf import settings as s; print(s.AXES_ENABLED)"],
        DEBUG=debug,
        ENVIRONMENT="here",
        SECRET_KEY="hN3k_W0s-Vt6cRqLz9YfPjD1uXb4oGmEaT7iKwC2vSyBxQ5lJg",
    )
    assert done.stdout.split()[-1] == expected, done.stderr


def test_a_session_ends_twelve_hours_after_the_login_however_it_is_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    before = timezone.now()
    browser.post("/admin/login/", {"username": "mia", "password": PASSWORD})
    end = Session.objects.get().expire_date
    assert timedelta(hours=12) <= end - before <= timedelta(hours=12, minutes=5)
    session = browser.session
    session["a message that is too long for a cookie"] = "x" * 5000
    monkeypatch.setattr(timezone, "now", lambda: before + timedelta(hours=11))
    session.save()
    monkeypatch.undo()
    assert Session.objects.get().expire_date == end
    Session.objects.update(expire_date=timezone.now())
    assert browser.get("/admin/").status_code == 302


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_a_refused_next_leads_to_the_start_page(where: str) -> None:
    sent = {"username": "mia", "password": PASSWORD, "next": where}
    response = Client().post("/admin/login/", sent)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
