"""How much one request may send, and for how long it may keep a thread."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from project.limits import BYTES_WITHOUT_STAFF_STATUS
from tests.admin.conftest import browser_of
from tests.services.processes import wait_until
from tests.services.workers import gunicorn

MANY_BYTES = 400 * 1024 * 1024
THREADS = 8


def request_head(length: int) -> bytes:
    """Return the start of a login request with a file, as a browser sends it."""
    lines = (
        "POST /admin/login/ HTTP/1.1",
        "Host: 127.0.0.1",
        f"Cookie: csrftoken={'a' * 32}",  # without it the body would not be read
        "Content-Type: multipart/form-data; boundary=edge",
        f"Content-Length: {length}",
        "",
        "--edge",
        'Content-Disposition: form-data; name="file"; filename="file"',
        "",
        "",
    )
    return "\r\n".join(lines).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/", "/none", "/healthz"])
def test_a_large_body_without_a_login_is_refused(path: str) -> None:
    data = b"x" * (BYTES_WITHOUT_STAFF_STATUS + 1)
    response = Client().post(path, data, content_type="application/octet-stream")
    assert response.status_code == 413


@pytest.mark.django_db
def test_a_body_within_the_limit_is_read() -> None:
    sent = {"username": "x" * (BYTES_WITHOUT_STAFF_STATUS - 1000)}
    assert Client().post("/admin/login/", sent).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("staff", "expected"), [(True, 404), (False, 413)])
def test_staff_may_send_pictures(staff: bool, expected: int) -> None:
    browser = browser_of(User.objects.create_user("somebody", is_staff=staff))
    data = b"x" * (BYTES_WITHOUT_STAFF_STATUS + 1)
    response = browser.post("/none", data, content_type="application/octet-stream")
    assert response.status_code == expected


@pytest.mark.django_db
def test_staff_may_not_fill_the_disk_either(settings: Settings) -> None:
    settings.UPLOAD_LIMIT = 2 * BYTES_WITHOUT_STAFF_STATUS
    browser = browser_of(User.objects.create_user("somebody", is_staff=True))
    data = b"x" * (settings.UPLOAD_LIMIT + 1)
    assert browser.post("/none", data, content_type="text/plain").status_code == 413


@pytest.mark.django_db(transaction=True)
def test_an_announced_flood_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    """Nothing is read, and nothing is written to the folder for temporary uploads."""
    folder = tmp_path / "on-the-way"
    folder.mkdir()
    log = tmp_path / "log"
    with gunicorn(log=log, env={"TMPDIR": str(folder)}) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(request_head(MANY_BYTES) + b"x" * 100_000)
            answer = client.recv(1000)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert list(folder.glob("*.upload")) == []


@pytest.mark.django_db(transaction=True)
def test_half_sent_requests_give_their_threads_back(tmp_path: Path) -> None:
    env = {"WEB_CONCURRENCY": "1", "RECEIVE_TIMEOUT_SECONDS": "1"}
    with gunicorn(log=tmp_path / "log", env=env) as port, ExitStack() as stack:
        for _ in range(2 * THREADS):
            client = socket.create_connection(("127.0.0.1", port), timeout=60)
            stack.callback(client.close)
            client.sendall(request_head(1000))

        def is_served() -> bool:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
                return bool(answer.status == 200)

        wait_until(is_served, what="an answer beside half-sent requests")
